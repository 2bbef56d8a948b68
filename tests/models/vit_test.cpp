// SPDX-License-Identifier: Apache-2.0
// ViT and Dinov2 against transformers (tests/generators/vit.py).
#include "gamut/models/vit/vit.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace vit_test {

namespace fs = std::filesystem;
using testing::message_of;

const fs::path kFixtures = GAMUT_SOURCE_DIR "/tests/models/fixtures/vit";
constexpr const char* kNames[] = {"vit", "dinov2", "dinov2_swiglu"};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(vit, states_are_transformers) {
  const at::NoGradGuard no_grad;
  for (const std::string name : kNames) {
    const nn::TensorMap golden = nn::load_safetensors(kFixtures / (name + ".safetensors"));
    const Vit vit = Vit::open(kFixtures / name, {});
    EXPECT_LE(largest_difference(vit.class_states(golden.at("pixels")), golden.at("states")), 1e-5) << name;
  }
}

// Bytes resized by the same kernel as torchvision's; Pillow, which the fixture's processors use, rounds a
// byte otherwise now and then. 0.224 is the smallest image_std.
TEST(vit, pictures_are_prepared_as_transformers_does) {
  for (const std::string name : kNames) {
    const nn::TensorMap golden = nn::load_safetensors(kFixtures / (name + ".safetensors"));
    const at::Tensor pixels =
        Vit::open(kFixtures / name, {}).preprocess(golden.at("pictures").to(at::kFloat) / 255);
    ASSERT_EQ(pixels.sizes(), golden.at("pixels").sizes()) << name;
    EXPECT_LE(largest_difference(pixels, golden.at("pixels")), 1.001 / 255 / 0.224) << name;
    EXPECT_LE((pixels - golden.at("pixels")).abs().gt(1e-5).to(at::kFloat).mean().item<double>(), 0.1)
        << name;
  }
}

// Half precision keeps eight bits: the direction of a feature stays within a hundredth.
TEST(vit, bf16_is_near_fp32) {
  const at::NoGradGuard no_grad;
  for (const std::string name : kNames) {
    const nn::TensorMap golden = nn::load_safetensors(kFixtures / (name + ".safetensors"));
    const Vit vit = Vit::open(kFixtures / name, {.device = at::kCPU, .dtype = at::kBFloat16});
    const at::Tensor half = vit.class_states(golden.at("pixels")).to(at::kFloat), full = golden.at("states");
    EXPECT_GE(at::cosine_similarity(half, full, 1).min().item<double>(), 1 - 1e-2) << name;
  }
}

TEST(vit, what_is_not_computed_is_named) {
  const auto refused = [](const nlohmann::json& more) {
    nlohmann::json config = io::read_json(kFixtures / "vit/config.json");
    config.update(more);
    return message_of<DataError>([&] { parse_vit_config(config, "c.json"); });
  };
  EXPECT_NE(refused({{"model_type", "swin"}}).find("option 'model_type'"), std::string::npos);
  EXPECT_NE(refused({{"hidden_act", "relu"}}).find("option 'hidden_act'"), std::string::npos);
  EXPECT_NE(refused({{"num_attention_heads", 5}}).find("a divisor of hidden_size = 24"), std::string::npos);
  EXPECT_NE(
      message_of<EnvironmentError>([] { Vit::open("no/such/folder", {}); }).find("must hold config.json"),
      std::string::npos);
  const Vit vit = Vit::open(kFixtures / "vit", {});
  EXPECT_NE(message_of<DataError>([&] {
              vit.class_states(at::zeros({1, 3, 40, 40}));
            }).find("got 40x40; expected 32x32"),
            std::string::npos);
}

}  // namespace vit_test
}  // namespace gamut::models
