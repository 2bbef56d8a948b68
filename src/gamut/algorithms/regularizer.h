// SPDX-License-Identifier: Apache-2.0
// What holds the policy near its reference: a weighted squared distance between the step means, which differ only
// by the velocity, mu - mu_ref = B (v - v_ref).
#pragma once

#include "gamut/core/config.h"
#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

#include <string>

namespace gamut::algorithms {

// [regularizer] of a recipe.
struct RegularizerConfig {
  std::string kind = "none";  // none | kl_flow | kl_exact | kl_v | kl_x
  double weight = 0.04;
  void fields(FieldVisitor& v);
  bool is_on() const { return kind != "none" && weight > 0; }
};

// Factor f of f * mean_CHW (mu - mu_ref)^2:
//   kl_flow 1 / (2 tau^2), tau = noise_std / sqrt(-dt)  (Flow-GRPO's code)
//   kl_exact 1 / (2 noise_std^2)                        (the Gaussian KL)
//   kl_v 1 / B^2, so the distance is that of velocities; kl_x 1.
double regularizer_factor(const std::string& kind, const diffusion::Step& step);

// Sum over trained samples of f * mean_CHW (mean - reference)^2; means [B, C, H, W], weight [B]. Not yet multiplied
// by RegularizerConfig::weight.
at::Tensor regularizer_sum(const RegularizerConfig& config, const diffusion::Step& step, const at::Tensor& mean,
                           const at::Tensor& reference_mean, const at::Tensor& weight_B);

}  // namespace gamut::algorithms
