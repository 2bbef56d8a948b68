// SPDX-License-Identifier: Apache-2.0
// Noise tables of diffusion models and the timesteps that a sampler visits, as diffusers' DDIMScheduler makes
// them.
#pragma once

#include "gamut/core/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::diffusion {

// Part of [sampler] of a recipe. What says "model", 0 or -1 is the model's own (diffusion/noise_process.h);
// where no model is at hand, Stable Diffusion 1.x's: resolved().
struct AlphaTableConfig {
  std::string spacing = "model";        // model | leading | trailing | linspace
  int64_t steps_offset = -1;            // leading
  std::string beta_schedule = "model";  // model | scaled_linear | linear | squaredcos_cap_v2
  double beta_start = 0, beta_end = 0;
  std::string prediction = "model";  // model | epsilon | v_prediction | sample
  int64_t train_timesteps = 0;
  std::string final_alpha = "model";  // table: alpha_bar_0 | one: 1, diffusers' set_alpha_to_one
  // The rest of a model's own table, which no recipe names.
  std::vector<double> betas = {};  // in place of beta_schedule, beta_start, beta_end; {} = none
  bool zero_snr = false;           // rescaled so that the last alpha_bar is 0 (arXiv 2305.08891)
  double clip = 0;                 // predicted clean latents are clipped to [-clip, clip]; 0 = they are not
  void fields(FieldVisitor& v);
  // The same without gaps: each is filled from `own`, a table without any.
  AlphaTableConfig filled_from(const AlphaTableConfig& own) const;
  AlphaTableConfig resolved() const;
};

// alpha_bar_j = prod_{k<=j} (1 - beta_k), j = 0 … train_timesteps - 1; computed in fp32 as diffusers does,
// returned as double.
std::vector<double> alpha_bars(const AlphaTableConfig& config);
// `steps` timesteps, descending.
std::vector<int64_t> ddim_timesteps(const AlphaTableConfig& config, int64_t steps);

}  // namespace gamut::diffusion
