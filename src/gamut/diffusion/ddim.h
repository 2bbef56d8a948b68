// SPDX-License-Identifier: Apache-2.0
// Samplers of diffusion models, x = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps: diffusers' DDIMScheduler
// and EulerDiscreteScheduler.
#pragma once

#include "gamut/diffusion/affine.h"
#include "gamut/diffusion/schedule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::diffusion {

// DDIM with eta (arXiv 2010.02502, equation 12). The last step ends where table.final_alpha says.
std::vector<Step> ddim_schedule(const AlphaTableConfig& table, int64_t steps, double eta);

// The clean latent as a noise table's network predicts it at alpha_bar, from x and its output. ConfigError
// for an unknown prediction, and for predicted noise where there is no signal.
Affine clean_prediction(const std::string& prediction, double alpha_bar);

// EulerDiscreteScheduler without churn or Karras levels. That scheduler keeps x / sqrt(alpha_bar), on which
// Euler's step on sigma = sqrt((1 - alpha_bar) / alpha_bar) is DDIM's with eta = 0; these steps act on x
// itself. `linspace` visits timesteps between the table's entries; with it and `trailing` a trajectory starts
// at the noise of the first level without its signal (start_scale), with `leading` at standard normal noise.
std::vector<Step> euler_schedule(const AlphaTableConfig& table, int64_t steps);

}  // namespace gamut::diffusion
