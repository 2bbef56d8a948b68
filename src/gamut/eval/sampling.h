// SPDX-License-Identifier: Apache-2.0
// Pictures from a pipeline outside training.
#pragma once

#include "gamut/diffusion/rollout.h"
#include "gamut/diffusion/schedule.h"
#include "gamut/models/pipeline.h"

#include <string>
#include <vector>

namespace gamut::eval {

// The noise levels that diffusers' scheduler of this model folder would use for `steps` steps. DataError when the
// scheduler is not a flow-matching one.
std::vector<double> scheduler_sigmas(const models::Pipeline& pipe, int64_t steps);

// DDIM on the noise table and timesteps of a diffusion model's scheduler, whichever its class: diffusers'
// DDIMScheduler.from_config. DataError for a flow model.
std::vector<diffusion::Step> ddim_schedule(const models::Pipeline& pipe, int64_t steps, double eta);

// Euler's method: over scheduler_sigmas for flow models, diffusers' EulerDiscreteScheduler on the noise table else.
std::vector<diffusion::Step> euler_schedule(const models::Pipeline& pipe, int64_t steps);

// Steps without noise: Euler for flow models and EulerDiscreteScheduler, else DDIM with eta = 0, which takes the place of
// samplers that gamut lacks (PNDM, DPM-Solver, Karras levels, …) on the same table and timesteps.
std::vector<diffusion::Step> deterministic_schedule(const models::Pipeline& pipe, int64_t steps);
// The same, but DataError where DDIM would take another sampler's place.
std::vector<diffusion::Step> own_schedule(const models::Pipeline& pipe, int64_t steps);

// The size of what the network said at each step of the pictures drawn so far.
class PredictionNorms {
 public:
  void add(int64_t step, const at::Tensor& prediction);  // rows of one micro-batch, of all steps before the next one's
  at::Tensor all() const;                                 // [steps, pictures] fp32 on the CPU

 private:
  std::vector<std::vector<at::Tensor>> norms_;  // by step
};

struct SamplingOptions {
  std::vector<diffusion::Step> schedule;
  diffusion::NoiseSource noise;   // {.seed = 1000, .purpose = "eval"}
  int64_t members = 16;           // pictures per prompt
  int64_t micro_batch = 64;
  double guidance_scale = 1.0;
  std::string negative = "";      // what guidance leads away from
  at::Tensor step_noise = {};     // [steps, pictures, C, H, W] in place of `noise`'s steps; undefined: those
  bool decode_clean = false;
  PredictionNorms* norms = nullptr;  // if given, receives every prediction's norm
};

// Starting noise of all pictures, prompt-major: row p * members + m has the key {0, p, m}. [P * members, C, H, W].
at::Tensor sampling_noise(const models::Pipeline& pipe, int64_t prompts, const SamplingOptions& options);

// Final latents from given starting latents, prompt-major, [prompts * members, C, H, W] fp32, on the pipeline's device.
at::Tensor sample_latents(const models::Pipeline& pipe, const std::vector<std::string>& prompts,
                          const at::Tensor& initial, const SamplingOptions& options);

}  // namespace gamut::eval
