// SPDX-License-Identifier: Apache-2.0
// The denoising steps of a sampler as coefficients, in double precision:
//
//   mean = a x + b v        next = mean + noise_std eps        (v: predicted velocity, eps: standard normal)
//
// flow_sde is Flow-GRPO's SDE (arXiv 2505.05470), ode its deterministic limit (Euler).
#pragma once

#include "gamut/core/config.h"
#include "gamut/diffusion/sigma_grid.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::diffusion {

struct Step {
  int64_t index = 0;                  // 0 is the noisiest
  double sigma = 1, sigma_next = 0;   // noise levels before and after
  double dt = -1;                     // sigma_next - sigma, negative
  double a = 1, b = -1;               // mean = a x + b v
  double noise_std = 0;               // 0: deterministic, no log-probability
  double diffusion() const;           // tau = noise_std / sqrt(-dt), the SDE's coefficient per unit time
};

// [sampler] of a recipe.
struct SamplerConfig {
  std::string kind = "flow_sde";
  int64_t steps = 10;
  double noise_level = 0.7;
  std::string grid = "sd3_diffusers";
  double shift = 3.0, mu = 1.15;
  std::string decode = "latent";      // latent | x0_last
  void fields(FieldVisitor& v);
  SigmaGrid sigma_grid() const { return {.kind = grid, .steps = steps, .shift = shift, .mu = mu}; }
};

std::vector<Step> make_schedule(const SamplerConfig& config);
// The same sampler over given noise levels (a model's own scheduler); config.steps, grid, shift and mu are not read.
std::vector<Step> make_schedule(const SamplerConfig& config, const std::vector<double>& sigmas);
// Euler steps over given noise levels.
std::vector<Step> ode_schedule(const std::vector<double>& sigmas);

}  // namespace gamut::diffusion
