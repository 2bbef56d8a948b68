// SPDX-License-Identifier: Apache-2.0
// The clipped surrogate of PPO on a micro-batch of one denoising step. Results are sums over samples: the
// caller divides by global counts, so that micro-batches and accumulation never change the result.
#pragma once

#include "gamut/core/config.h"
#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

#include <string>

namespace gamut::algorithms {

// [loss] of a recipe.
struct LossConfig {
  std::string kind = "ppo_clip";  // ppo_clip | grpo_guard | none: of objectives with a loss of their own
  double clip_range = 1e-4;
  std::string reweight = "inv_dt";  // grpo_guard: inv_dt | none
  void fields(FieldVisitor& v);
};

struct LossTerms {
  at::Tensor loss_sum;  // differentiable scalar: sum over trained samples
  // Detached scalars, sums over trained samples unless said otherwise; undefined of a loss without a ratio.
  at::Tensor ratio_deviation_max = {};  // max |ratio - 1|
  at::Tensor clipped_sum = {};          // samples whose gradient the clip removed
  at::Tensor approx_kl_sum = {};        // (log_prob - old)^2 / 2
  at::Tensor distance_sum = {};         // of the regularizer, differentiable; undefined where it does not act
};

// GRPO-Guard (arXiv 2510.22319): rho = exp(mean_CHW(eps (mean - old_mean))), eps = (next - old_mean) / n,
// times 1 / (-dt) when reweight = inv_dt. Exactly 1 where mean equals old_mean. Needs a normalized
// log-probability.
LossTerms grpo_guard(const diffusion::Step& step, const at::Tensor& next_BCHW, const at::Tensor& mean_BCHW,
                     const at::Tensor& old_mean_BCHW, const at::Tensor& advantage_B,
                     const at::Tensor& weight_B, const LossConfig& config);

// rho = exp(log_prob - old_log_prob); per sample max(-A rho, -A clip(rho, 1 ± clip_range)).
// All [B] fp32; weight is 1 for trained samples and 0 for those left out.
LossTerms ppo_clip(const at::Tensor& log_prob_B, const at::Tensor& old_log_prob_B,
                   const at::Tensor& advantage_B, const at::Tensor& weight_B, const LossConfig& config);

// ConfigError when the kind does not go with the sampler.
void check_loss(const LossConfig& config, const diffusion::SamplerConfig& sampler);

}  // namespace gamut::algorithms
