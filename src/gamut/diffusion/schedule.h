// SPDX-License-Identifier: Apache-2.0
// The denoising steps of a sampler as coefficients, in double precision:
//
//   mean = a x + b out        next = mean + noise_std eps        clean = clean_x x + clean_out out
//
// out is what the network predicts: the velocity of a flow model, or (ddim) the noise or v of a diffusion
// model; eps is standard normal. flow_sde is Flow-GRPO's SDE (arXiv 2505.05470), dance_sde DanceGRPO's
// (2505.07818), cps FlowCPS's (2509.05952), ode their deterministic limit (Euler), ddim diffusers'
// DDIMScheduler with eta as DDPO steps it (2305.13301).
#pragma once

#include "gamut/core/config.h"
#include "gamut/diffusion/alpha_table.h"
#include "gamut/diffusion/sigma_grid.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::diffusion {

struct Step {
  int64_t index = 0;  // 0 is the noisiest
  // Noise levels before and after: sigma of a flow model; sqrt(1 - alpha_bar) for ddim.
  double sigma = 1, sigma_next = 0;
  double dt = -1;                      // sigma_next - sigma, negative
  double a = 1, b = -1;                // mean = a x + b out
  double noise_std = 0;                // 0: deterministic, no log-probability
  double clean_x = 1, clean_out = -1;  // predicted clean latent
  double model_time = 1000;            // what the network receives: 1000 sigma, or the timestep
  bool normalized = true;  // log-probability of a Gaussian; false: -(next - mean)^2 only (released CPS)
  // ddim only
  int64_t timestep = -1, timestep_prev = -1;
  double alpha_bar = 0, alpha_bar_prev = 0;
  double clip = 0;         // the clean latent is clipped to [-clip, clip] and the mean moves with it; 0 = not
  double start_scale = 1;  // of standard normal noise where a trajectory starts at this step; 1 but for euler
  double diffusion() const;  // tau = noise_std / sqrt(-dt), the SDE's coefficient per unit time
};

// [sampler] of a recipe.
struct SamplerConfig {
  std::string kind = "flow_sde";  // flow_sde | dance_sde | cps | ode | ddim
  int64_t steps = 10;
  double noise_level = 0.7;              // a of flow_sde and cps, eta of dance_sde
  double eta = 1.0;                      // ddim
  std::string grid = "model";            // model: its scheduler's own levels | a grid of sigma_grid.h
  double shift = 0, mu = 0;              // 0: the model's for grid "model", else 3 and 1.15
  std::string model_time = "exact";      // exact | truncate (DanceGRPO: int(1000 sigma))
  std::string logprob = "normalized";    // normalized | released (cps)
  std::string decode = "latent";         // latent | x0_last
  std::string initial_noise = "member";  // member: each its own | group: one per prompt | batch: one for all
  AlphaTableConfig alphas =
      {};  // ddim: keys spacing, steps_offset, beta_start, …, prediction, beside the above
  // Stochastic steps are those of a window of `window` consecutive steps, the others deterministic; 0 = all
  // steps. One window per iteration, shared by all groups.
  int64_t window = 0;
  std::string window_kind =
      "fixed";  // fixed: at window_range[0] | random: start uniform in the range |
                // sliding (MixGRPO): moves through the range every window_every iterations
  std::vector<int64_t> window_range = {};         // [first, end) steps that windows may cover; [] = all steps
  int64_t window_every = 25, window_overlap = 1;  // sliding: moves by window - overlap
  std::string window_end =
      "full";  // sliding: the last windows are moved back into the range | cut off at its end
  std::string noise_on = "all";  // all: as above | trained: on the steps alone that [schedule] lets train
  void fields(FieldVisitor& v);
  // Where no model is at hand: "model" is Stable Diffusion 3's.
  SigmaGrid sigma_grid() const;
};

// Every step of the sampler as if no window were set. ConfigError in one line for what cannot be.
std::vector<Step> make_schedule(const SamplerConfig& config);
// The same flow sampler over given noise levels (a model's own scheduler); config.steps, grid, shift, mu are
// not read.
std::vector<Step> make_schedule(const SamplerConfig& config, const std::vector<double>& sigmas);
// Deterministic steps: Euler over given noise levels.
std::vector<Step> ode_schedule(const std::vector<double>& sigmas);

// The schedule of one iteration: `make_schedule` with the steps outside the iteration's window made
// deterministic (flow: Euler; ddim: eta = 0). `random` draws from the stream (seed, "window", iteration).
std::vector<Step> iteration_schedule(const SamplerConfig& config, uint64_t seed, int64_t iteration);
// The same over given noise levels; sigmas = {}: those of the config.
std::vector<Step> iteration_schedule(const SamplerConfig& config, const std::vector<double>& sigmas,
                                     uint64_t seed, int64_t iteration);

// `schedule` with every step but those of `noisy` made deterministic.
std::vector<Step> with_noise_on(const SamplerConfig& config, const std::vector<Step>& schedule,
                                const std::vector<int64_t>& noisy);

}  // namespace gamut::diffusion
