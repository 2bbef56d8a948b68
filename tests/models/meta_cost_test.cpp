// SPDX-License-Identifier: Apache-2.0
// Whole networks on the meta device against tests/nn/fixtures/flops.json, which PyTorch counted, and against
// what the same networks really allocate on the CPU.
#include "gamut/io/files.h"
#include "gamut/models/flux/flux_transformer.h"
#include "gamut/models/mmdit/sd3_transformer.h"
#include "gamut/models/pipeline.h"
#include "gamut/models/unet/unet_2d_condition.h"
#include "gamut/nn/cost.h"
#include "gamut/nn/meta.h"
#include "support/cpu_memory_meter.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace meta_cost_test {

constexpr const char* kTiny = GAMUT_SOURCE_DIR "/tests/cli/fixtures/tiny_sd";

nlohmann::json counted(const std::string& model) {
  return io::read_json(GAMUT_SOURCE_DIR "/tests/nn/fixtures/flops.json").at(model);
}

template <class Run>
double flops(const Run& run) {
  const nn::FlopCounter counter;
  run();
  return counter.total();
}

Pipeline open(const char* folder, at::Device device) { return Pipeline::open(folder, {.device = device}); }

struct Inputs {
  Tensor x;
  Conditioning text;
  Inputs(const Pipeline& pipe, int64_t batch)
      : text(pipe.encode(std::vector<std::string>(size_t(batch), "a"))) {
    std::vector<int64_t> shape = pipe.latent_shape();
    shape.insert(shape.begin(), batch);
    x = at::zeros(shape, at::TensorOptions(pipe.options().device));
  }
};

template <class Run>
void on_each_device(const Run& run) {
  for (const at::DeviceType device : {at::kCPU, at::kCUDA}) {
    const nn::MetaStandsFor stand{at::Device(device)};
    SCOPED_TRACE(c10::DeviceTypeName(device));
    run();
  }
}

TEST(meta_cost, tiny_pipeline_as_pytorch_counts_it) {
  on_each_device([] {
    const nlohmann::json expected = counted("tiny_sd");
    Pipeline pipe = open(kTiny, at::kMeta);
    EXPECT_EQ(pipe.denoiser_params().num_elements(), expected["unet"]["parameters"]);
    EXPECT_EQ(pipe.text_encoders().at(0).store->num_elements(), expected["text_encoder"]["parameters"]);
    EXPECT_EQ(pipe.coder_params().num_elements(), expected["vae"]["parameters"]);
    EXPECT_EQ(flops([&] { pipe.encode({"a"}); }), expected["text_encoder"]["forward"].get<double>());
    Inputs in(pipe, 1);
    EXPECT_EQ(flops([&] { pipe.decode(in.x); }), expected["vae"]["decode"].get<double>());
    // Of all inputs: a fused backward pass makes the gradients of k and v whether they are wanted or not.
    in.x.set_requires_grad(true);
    in.text.parts.at("hidden").set_requires_grad(true);
    pipe.denoiser_params().require_grad(true);
    Tensor y;
    EXPECT_EQ(flops([&] { y = pipe.predict(in.x, 1, in.text); }), expected["unet"]["forward"].get<double>());
    // Attention's scores are made again on the way back, where PyTorch's meta device keeps them.
    const double again = expected["unet"]["attention"].get<double>() / 2;
    const double forward = expected["unet"]["forward"].get<double>();
    EXPECT_EQ(flops([&] { y.square().mean().backward(); }),
              expected["unet"]["forward_backward"].get<double>() - forward + again);
    pipe.denoiser_params().require_grad(false);
    EXPECT_EQ(flops([&] { pipe.predict(in.x, 1, in.text).square().mean().backward(); }),
              expected["unet"]["forward_backward_frozen"].get<double>() + again);
  });
}

TEST(meta_cost, kept_bytes_are_near_those_that_pytorch_keeps) {
  on_each_device([] {
    Pipeline pipe = open(kTiny, at::kMeta);
    pipe.denoiser_params().require_grad(true);
    Inputs in(pipe, 1);
    in.x.set_requires_grad(true);
    const int64_t before = nn::MetaMemory::live();
    const Tensor y = pipe.predict(in.x, 1, in.text);
    const double kept = double(nn::MetaMemory::live() - before);
    // Other fusions than diffusers': silu with its norm on the CPU; a dense copy before each group norm on
    // CUDA.
    EXPECT_NEAR(kept / counted("tiny_sd")["unet"]["saved_bytes"].get<double>(), 1.0, 0.15);
  });
}

// The same run, really made: every tensor that lives, to the byte, and the worst moment nearly so.
TEST(meta_cost, is_what_the_cpu_allocates) {
  for (const char* folder : {kTiny, GAMUT_SOURCE_DIR "/models/glyphs"}) {
    const auto run = [&](at::Device device, const auto& live) {
      Pipeline pipe = open(folder, device);
      pipe.denoiser_params().require_grad(true);
      const Inputs in(pipe, 4);
      const int64_t before = live();
      Tensor y = pipe.predict(in.x, 1, in.text);
      const int64_t kept = live() - before;
      y.square().mean().backward();
      y.reset();
      return std::pair{kept, live() - before};
    };
    const nn::MetaStandsFor cpu{at::Device(at::kCPU)};
    nn::MetaMemory::reset_peak();
    const int64_t start = nn::MetaMemory::live();
    const auto planned = run(at::kMeta, [] { return nn::MetaMemory::live(); });
    const int64_t planned_peak = nn::MetaMemory::peak() - start;
    const testing::CpuMemoryMeter meter;
    const auto real = run(at::kCPU, [&] { return meter.live(); });
    EXPECT_NEAR(double(planned.first) / double(real.first), 1.0, 0.01) << folder;
    EXPECT_NEAR(double(planned.second) / double(real.second), 1.0, 0.01) << folder;
    EXPECT_NEAR(double(planned_peak) / double(meter.peak()), 1.0, 0.05) << folder;
  }
}

TEST(meta_cost, stable_diffusion_1_5) {
  const nn::MetaStandsFor cuda{at::Device(at::kCUDA)};
  const nlohmann::json expected = counted("sd15")["unet"];
  const UNetConfig config = parse_unet_config(
      {{"sample_size", 64}, {"cross_attention_dim", 768}, {"attention_head_dim", 8}}, "unet/config.json");
  nn::ParamStore store = nn::ParamStore::from_seed(1, {.device = at::kMeta});
  const UNet2DCondition unet(config, nn::Scope(store));
  EXPECT_EQ(store.num_elements(), expected["parameters"]);
  const at::TensorOptions meta(at::kMeta);
  const auto run = [&] {
    unet(at::empty({1, 4, 64, 64}, meta), at::empty({1}, meta), at::empty({1, 77, 768}, meta));
  };
  EXPECT_EQ(flops(run), expected["forward"].get<double>());
}

at::Tensor on_meta(at::IntArrayRef shape) { return at::empty(shape, at::TensorOptions(at::kMeta)); }

// A picture of 512x512 with 205 tokens of text; the table of positions is no parameter.
TEST(meta_cost, stable_diffusion_3_5_medium) {
  const nn::MetaStandsFor cuda{at::Device(at::kCUDA)};
  const nlohmann::json expected = counted("sd35_transformer");
  nlohmann::json json{{"num_layers", 24},
                      {"num_attention_heads", 24},
                      {"caption_projection_dim", 1536},
                      {"pos_embed_max_size", 384},
                      {"qk_norm", "rms_norm"}};
  for (int layer = 0; layer < 13; ++layer) json["dual_attention_layers"].push_back(layer);
  nn::ParamStore store = nn::ParamStore::from_seed(1, {.device = at::kMeta, .dtype = at::kBFloat16});
  const Sd3Transformer net(parse_sd3_config(json, "transformer/config.json"), nn::Scope(store));
  EXPECT_EQ(store.num_elements(), expected["parameters"]);
  const Sd3Prompt prompt{.hidden = on_meta({1, 205, 4096}).to(at::kBFloat16),
                         .pooled = on_meta({1, 2048}).to(at::kBFloat16)};
  const auto run = [&] { net(on_meta({1, 16, 64, 64}).to(at::kBFloat16), on_meta({1}), prompt); };
  EXPECT_EQ(flops(run), expected["forward"].get<double>());
}

// With 128 tokens of text.
TEST(meta_cost, flux_1_dev) {
  const nn::MetaStandsFor cuda{at::Device(at::kCUDA)};
  const nlohmann::json expected = counted("flux_transformer");
  nn::ParamStore store = nn::ParamStore::from_seed(1, {.device = at::kMeta, .dtype = at::kBFloat16});
  const FluxTransformer net(parse_flux_config({{"guidance_embeds", true}}, "transformer/config.json"),
                            nn::Scope(store));
  EXPECT_EQ(store.num_elements(), expected["parameters"]);
  const FluxPrompt prompt{.hidden = on_meta({1, 128, 4096}).to(at::kBFloat16),
                          .pooled = on_meta({1, 768}).to(at::kBFloat16),
                          .guidance = on_meta({1})};
  const auto run = [&] { net(on_meta({1, 16, 64, 64}).to(at::kBFloat16), on_meta({1}), prompt); };
  EXPECT_EQ(flops(run), expected["forward"].get<double>());
}

}  // namespace meta_cost_test
}  // namespace gamut::models
