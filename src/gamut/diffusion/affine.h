// SPDX-License-Identifier: Apache-2.0
// How samplers build a step's coefficients: every quantity is affine in the latent and the network's output.
#pragma once

#include "gamut/diffusion/schedule.h"

#include <algorithm>
#include <cmath>

namespace gamut::diffusion {

// x_part x + out_part out.
struct Affine {
  double x, out;
};

// mean = signal clean + direction noise, next = mean + noise_std eps.
inline Step toward(Step step, double signal, const Affine& clean, double direction, const Affine& noise,
                   double noise_std) {
  step.a = signal * clean.x + direction * noise.x;
  step.b = signal * clean.out + direction * noise.out;
  step.noise_std = noise_std;
  return step;
}

// What is left of a variance after noise of standard deviation n was taken out of it.
inline double remaining_std(double variance, double n) { return std::sqrt(std::max(0.0, variance - n * n)); }

}  // namespace gamut::diffusion
