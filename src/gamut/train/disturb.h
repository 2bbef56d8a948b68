// SPDX-License-Identifier: Apache-2.0
// Disturbed copies of clean pictures: what half-drawn samples of a diffusion model look like.
#pragma once

#include "gamut/core/config.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gamut::train {

// Largest strengths; each picture draws its own between 0 and these, in units of the [0, 1] range.
struct Disturbance {
  double noise = 0;  // standard deviation of white noise
  double blur = 0;   // weight of the 3x3 mean against the picture itself
  double shade = 0;  // standard deviation of a smooth change of color
  double grid = 0;   // standard deviation of a pattern of period 2
  void fields(FieldVisitor& v);
};

// pictures [B, 3, H, W] in [0, 1], H = W, even; draws from the CPU's default generator.
at::Tensor disturb(at::Tensor pictures, const Disturbance& largest);
// Gaussian noise on cells x cells points, interpolated to [count, 3, size, size].
at::Tensor smooth_noise(int64_t count, int64_t cells, int64_t size);

}  // namespace gamut::train
