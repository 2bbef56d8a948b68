// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/policy.h"

#include "gamut/diffusion/step.h"
#include "gamut/io/files.h"
#include "gamut/models/scheduler_config.h"
#include "support/temp_folder.h"
#include "tiny_training.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::train {
namespace policy_test {

// A recipe whose [sampler] says of the model's table what keys can say.
TrainConfig recipe_for(const models::SchedulerConfig& scheduler, int64_t steps, double eta) {
  TrainConfig config = tiny_config("ddpo");
  diffusion::SamplerConfig& sampler = config.slots.sampler;
  sampler.steps = steps;
  sampler.eta = eta;
  sampler.alphas = {.spacing = scheduler.timestep_spacing,
                    .steps_offset = scheduler.steps_offset,
                    .prediction = scheduler.prediction_type,
                    .train_timesteps = scheduler.num_train_timesteps,
                    .final_alpha = scheduler.set_alpha_to_one ? "one" : "table"};
  if (!scheduler.trained_betas.empty()) return config;
  sampler.alphas.beta_start = scheduler.beta_start;
  sampler.alphas.beta_end = scheduler.beta_end;
  sampler.alphas.beta_schedule = scheduler.beta_schedule;
  return config;
}

// Given betas, zero-SNR betas and clipping are the model's; with them a training step is diffusers' DDIM step
// (generators/ddim_from_config.py).
TEST(policy, trains_on_the_models_own_table) {
  const nlohmann::json cases = io::read_json(GAMUT_SOURCE_DIR "/tests/eval/fixtures/ddim_from_config.json");
  int own = 0;
  for (const nlohmann::json& one : cases) {
    const testing::TempFolder folder;
    io::write_atomically(folder / "scheduler_config.json", one["config"].get<std::string>());
    const models::SchedulerConfig scheduler = models::load_scheduler_config(folder.path());
    const size_t count = one["timesteps"].size();
    own += !scheduler.trained_betas.empty() || scheduler.rescale_betas_zero_snr || scheduler.clip_sample;
    for (size_t r = 0; r < one["rows"].size(); ++r) {
      const nlohmann::json& row = one["rows"][r];
      const TrainConfig config =
          with_model_table(recipe_for(scheduler, int64_t(count), row[0].get<double>()), scheduler);
      const diffusion::Step step = diffusion::make_schedule(config.slots.sampler)[r % count];
      const auto values = [&](size_t k) {
        return at::tensor(row[k].get<std::vector<double>>()).to(at::kFloat).view({1, 1, 1, 3});
      };
      const at::Tensor next = diffusion::step_mean(step, values(1), values(2)) + values(3) * step.noise_std;
      EXPECT_TRUE(at::allclose(next, values(4), 1e-5, 2e-6)) << one["config"] << "\n" << next << values(4);
    }
  }
  EXPECT_GE(own, 12);
}

}  // namespace policy_test
}  // namespace gamut::train
