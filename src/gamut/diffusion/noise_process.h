// SPDX-License-Identifier: Apache-2.0
// How a model's latents and noise mix: built once from the model's scheduler file, the recipe's [sampler] and
// the size of the pictures. Rollouts, evaluation, `gamut sample` and pretraining ask it for their levels and
// steps.
//
//   const NoiseProcess process(pipe.scheduler(), pipe.latent_shape(), recipe.sampler);
//   process.iteration(seed, 0);   // steps of a rollout, by the recipe; where it leaves gaps, by the model
//   process.deterministic(40);    // steps of an evaluation, by the model's scheduler
#pragma once

#include "gamut/diffusion/alpha_table.h"
#include "gamut/diffusion/forward_process.h"
#include "gamut/diffusion/schedule.h"
#include "gamut/models/scheduler_config.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::diffusion {

class NoiseProcess {
 public:
  // `latent_shape`: {C, H, W} of one picture, which a dynamic shift is computed from.
  NoiseProcess(models::SchedulerConfig scheduler, std::vector<int64_t> latent_shape, SamplerConfig sampler);
  NoiseProcess(models::SchedulerConfig scheduler, std::vector<int64_t> latent_shape);  // without a recipe

  bool is_flow() const { return scheduler_.is_flow(); }
  // The recipe's, its noise table filled from the model's.
  const SamplerConfig& sampler() const { return sampler_; }

  // ---- by the recipe
  // ConfigError in one line for what cannot be.
  std::vector<Step> steps() const;                                      // as if no window were set
  std::vector<Step> iteration(uint64_t seed, int64_t iteration) const;  // with the iteration's window

  // ---- by the model's scheduler
  // Noise levels, `steps` + 1 of them. DataError when the scheduler is not a flow-matching one.
  std::vector<double> sigmas(int64_t steps) const;
  // DDIM on the model's noise table and timesteps, whichever its scheduler's class: diffusers'
  // DDIMScheduler.from_config. DataError for a flow model.
  std::vector<Step> ddim(int64_t steps, double eta) const;
  // Euler's method: over sigmas() for flow models, diffusers' EulerDiscreteScheduler on the noise table else.
  std::vector<Step> euler(int64_t steps) const;
  // Steps without noise: Euler for flow models and EulerDiscreteScheduler, else DDIM with eta = 0, which
  // takes the place of samplers that gamut lacks (PNDM, DPM-Solver, Karras levels, …) on the same table and
  // timesteps.
  std::vector<Step> deterministic(int64_t steps) const;
  // The same, but DataError where DDIM would take another sampler's place.
  std::vector<Step> own(int64_t steps) const;

  // ---- noise on clean latents. `time_B`: sigma in [0, 1] of a flow model, whole timesteps (int64) else.
  Mix<at::Tensor> mix(const at::Tensor& time_B, int64_t rank) const;
  at::Tensor add_noise(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& time_B) const;
  // What the network should answer: velocity noise - clean, or noise, v or clean latent.
  at::Tensor target(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& time_B) const;
  at::Tensor model_time(const at::Tensor& time_B) const;  // as Pipeline::predict takes it, fp32

 private:
  SigmaGrid own_grid(int64_t steps) const;
  std::vector<double> rollout_sigmas() const;

  models::SchedulerConfig scheduler_;
  std::vector<int64_t> latent_shape_;
  SamplerConfig sampler_;
};

// The scheduler's noise table, complete; of a flow model, which has none, what SamplerConfig falls back on.
AlphaTableConfig own_table(const models::SchedulerConfig& scheduler);
// ConfigError when [sampler] is for another kind of model, or contradicts its noise table.
void check_fits(const SamplerConfig& sampler, const models::SchedulerConfig& scheduler);

}  // namespace gamut::diffusion
