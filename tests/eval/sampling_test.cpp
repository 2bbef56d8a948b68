// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/sampling.h"

#include "gamut/io/files.h"
#include "support/temp_folder.h"
#include "support/threads.h"
#include "support/tiny_model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gamut::eval {
namespace sampling_test {

using testing::TempFolder;
const std::vector<std::string> kPrompts{"the digit 7", "the letter k", "k"};

models::Pipeline tiny(const TempFolder& folder, double shift = 1) {
  return models::Pipeline::create(testing::write_tiny_model(folder.path(), shift), 5, {});
}

SamplingOptions options(int64_t members, int64_t micro_batch) {
  return {.schedule = diffusion::ode_schedule({1, 0.7, 0.3, 0}),
          .noise = {.seed = 8, .purpose = "eval"},
          .members = members,
          .micro_batch = micro_batch};
}

at::Tensor sample(const models::Pipeline& pipe, const SamplingOptions& how) {
  return sample_latents(pipe, encode_prompts(pipe, kPrompts),
                        sampling_noise(pipe, int64_t(kPrompts.size()), how), how);
}

// A tiny model with another scheduler than its own.
models::Pipeline with_scheduler(const TempFolder& folder, const nlohmann::json& config) {
  testing::write_tiny_model(folder.path());
  io::write_json(folder / "scheduler/scheduler_config.json", config);
  return models::Pipeline::create(folder.path(), 5, {});
}

nlohmann::json stable_diffusion_1(const std::string& class_name) {
  return {{"_class_name", class_name}, {"num_train_timesteps", 1000},      {"beta_start", 0.00085},
          {"beta_end", 0.012},         {"beta_schedule", "scaled_linear"}, {"clip_sample", false},
          {"steps_offset", 1},         {"prediction_type", "epsilon"},     {"set_alpha_to_one", false}};
}

TEST(sampling, noise_belongs_to_prompt_and_member) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = tiny(folder);
  const at::Tensor few = sampling_noise(pipe, 3, options(2, 4)),
                   many = sampling_noise(pipe, 3, options(5, 4));
  ASSERT_EQ(few.sizes(), at::IntArrayRef({6, 12, 4, 4}));
  for (int64_t p = 0; p < 3; ++p) {
    EXPECT_TRUE(at::equal(few.narrow(0, 2 * p, 2), many.narrow(0, 5 * p, 2))) << p;
    const diffusion::SampleKey key{.epoch = 0, .prompt = p, .member = 1};
    EXPECT_TRUE(at::equal(few.narrow(0, 2 * p + 1, 1),
                          diffusion::initial_noise({.seed = 8, .purpose = "eval"}, {key}, {12, 4, 4})));
  }
}

// Kernels may treat rows differently by the size of their batch: a few roundings after three steps.
TEST(sampling, latents_do_not_depend_on_the_micro_batch) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = tiny(folder);
  const at::Tensor whole = sample(pipe, options(3, 64));
  ASSERT_EQ(whole.sizes(), at::IntArrayRef({9, 12, 4, 4}));
  for (const int64_t size : {1, 2, 4, 9})
    EXPECT_LT((sample(pipe, options(3, size)) - whole).abs().max().item<double>(), 5e-6) << size;
  EXPECT_TRUE(at::equal(sample(pipe, options(3, 64)), whole));
}

// The same by hand for one picture: Euler steps on the pipeline's own predictions, guided.
TEST(sampling, latents_are_euler_steps_under_guidance) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = tiny(folder);
  SamplingOptions how = options(1, 1);
  how.guidance = {.scale = 2.5};
  at::Tensor x = sampling_noise(pipe, 3, how).narrow(0, 1, 1);
  const models::Conditioning asked = pipe.encode({kPrompts[1]}), empty = pipe.encode({""});
  for (const auto& [sigma, next] : {std::pair{1.0, 0.7}, {0.7, 0.3}, {0.3, 0.0}}) {
    const at::Tensor with = pipe.predict(x, 1000 * sigma, asked),
                     without = pipe.predict(x, 1000 * sigma, empty);
    x = (x + (next - sigma) * (without + 2.5 * (with - without))).detach();
  }
  EXPECT_LT((sample(pipe, how).narrow(0, 1, 1) - x).abs().max().item<double>(), 5e-6);
}

// The network of a diffusion model receives integer timesteps, and its output is taken as noise.
TEST(sampling, latents_are_ddim_steps_on_a_diffusion_model) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = with_scheduler(folder, stable_diffusion_1("DDIMScheduler"));
  SamplingOptions how = options(1, 3);
  how.schedule = noise_process(pipe).deterministic(4);
  at::Tensor x = sampling_noise(pipe, 3, how);
  const models::Conditioning asked = pipe.encode(kPrompts);
  const std::vector<double> table = diffusion::alpha_bars({});
  for (const int64_t t : {751, 501, 251, 1}) {
    const double now = table[size_t(t)], next = table[size_t(std::max<int64_t>(t - 250, 0))];
    const at::Tensor noise = pipe.predict(x, double(t), asked).detach();
    const at::Tensor clean = (x - std::sqrt(1 - now) * noise) / std::sqrt(now);
    x = std::sqrt(next) * clean + std::sqrt(1 - next) * noise;
  }
  EXPECT_LT((sample(pipe, how) - x).abs().max().item<double>(), 2e-5);
}

}  // namespace sampling_test
}  // namespace gamut::eval
