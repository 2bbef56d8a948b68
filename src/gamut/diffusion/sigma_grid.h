// SPDX-License-Identifier: Apache-2.0
// Noise levels of flow models: N + 1 values from 1 (pure noise) down to exactly 0 (clean), in double
// precision. docs/notation.md names each grid's user; the shift is phi_s(u) = s u / (1 + (s - 1) u).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::diffusion {

struct SigmaGrid {
  std::string kind = "sd3_diffusers";  // sd3_diffusers | linspace_shift | flux_dynamic | dance | linear
  int64_t steps = 10;
  double shift = 3.0;  // s of phi_s; flux_dynamic and linear do not use it
  double mu = 1.15;    // flux_dynamic only
};

const std::vector<std::string>& sigma_grid_kinds();
// ConfigError for an unknown kind; steps >= 1, shift > 0.
std::vector<double> make_sigmas(const SigmaGrid& grid);

}  // namespace gamut::diffusion
