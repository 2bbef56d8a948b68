// SPDX-License-Identifier: Apache-2.0
// DreamSim against the package dreamsim, from folders that scripts/convert_dreamsim.py wrote
// (tests/generators/dreamsim_features.py).
#include "gamut/models/dreamsim/dreamsim.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace dreamsim_test {

namespace fs = std::filesystem;
using testing::message_of;

const fs::path kFixtures = GAMUT_SOURCE_DIR "/tests/models/fixtures/dreamsim";
constexpr const char* kNames[] = {"ensemble", "dinov2"};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(dreamsim, embeddings_are_the_packages) {
  const at::NoGradGuard no_grad;
  for (const std::string name : kNames) {
    const nn::TensorMap golden = nn::load_safetensors(kFixtures / (name + ".safetensors"));
    const DreamSim model = DreamSim::open(kFixtures / name, {});
    const at::Tensor embedded = model.embed(golden.at("pixels"));
    EXPECT_EQ(embedded.size(1), model.width());
    EXPECT_LE(largest_difference(embedded, golden.at("embeddings")), 1e-5) << name;
  }
}

// Pillow, which the fixture's pictures are resized by, rounds a byte otherwise now and then.
TEST(dreamsim, pictures_become_squares_in_bytes) {
  for (const std::string name : kNames) {
    const nn::TensorMap golden = nn::load_safetensors(kFixtures / (name + ".safetensors"));
    const at::Tensor pixels =
        DreamSim::open(kFixtures / name, {}).preprocess(golden.at("pictures").to(at::kFloat) / 255);
    ASSERT_EQ(pixels.sizes(), golden.at("pixels").sizes());
    EXPECT_LE(largest_difference(pixels, golden.at("pixels")), 1.001 / 255);
    EXPECT_LE((pixels - golden.at("pixels")).abs().gt(1e-6).to(at::kFloat).mean().item<double>(), 0.1);
  }
}

TEST(dreamsim, embeddings_are_centered_and_of_unit_length) {
  const at::NoGradGuard no_grad;
  const at::Tensor embedded = DreamSim::open(kFixtures / "ensemble", {}).embed(at::rand({2, 3, 32, 32}));
  EXPECT_LE(embedded.sum(1).abs().max().item<double>(), 1e-5);
  EXPECT_LE(largest_difference(embedded.norm(2, 1, false), at::ones({2})), 1e-5);
}

// Half precision keeps eight bits: the direction of an embedding stays within a hundredth.
TEST(dreamsim, bf16_is_near_fp32) {
  const at::NoGradGuard no_grad;
  const nn::TensorMap golden = nn::load_safetensors(kFixtures / "ensemble.safetensors");
  const DreamSim model = DreamSim::open(kFixtures / "ensemble", {.device = at::kCPU, .dtype = at::kBFloat16});
  const at::Tensor half = model.embed(golden.at("pixels"));
  EXPECT_GE(at::cosine_similarity(half, golden.at("embeddings"), 1).min().item<double>(), 1 - 1e-2);
}

TEST(dreamsim, what_is_not_computed_is_named) {
  const auto refused = [](const nlohmann::json& patch) {
    nlohmann::json config = io::read_json(kFixtures / "dinov2/config.json");
    config.merge_patch(patch);
    return message_of<DataError>([&] { parse_dreamsim_config(config, "c.json"); });
  };
  EXPECT_NE(refused({{"model_type", "vit"}}).find("option 'model_type'"), std::string::npos);
  EXPECT_NE(refused({{"branches", nlohmann::json::array()}}).find("one or more vision transformers"),
            std::string::npos);
  EXPECT_NE(refused({{"image_size", 30}}).find("a divisor of image_size = 30"), std::string::npos);
  EXPECT_NE(message_of<EnvironmentError>([] {
              DreamSim::open("no/such/folder", {});
            }).find("scripts/convert_dreamsim.py"),
            std::string::npos);
}

// A branch more than the weights hold, and one fewer.
TEST(dreamsim, weights_that_do_not_match_are_refused) {
  const testing::TempFolder folder;
  for (const int branches : {2, 0}) {
    nlohmann::json config = io::read_json(kFixtures / "dinov2/config.json");
    if (branches == 2) config["branches"].push_back(config["branches"][0]);
    if (branches == 0) config["branches"][0]["num_hidden_layers"] = 1;
    io::write_atomically(folder.path() / "config.json", config.dump());
    fs::copy(kFixtures / "dinov2/model.safetensors", folder.path() / "model.safetensors",
             fs::copy_options::overwrite_existing);
    EXPECT_THROW(DreamSim::open(folder.path(), {}), DataError);
  }
}

}  // namespace dreamsim_test
}  // namespace gamut::models
