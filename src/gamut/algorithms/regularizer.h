// SPDX-License-Identifier: Apache-2.0
// What holds the policy near its reference: a weighted squared distance between the step means, which differ
// only by the network's output, mu - mu_ref = b (out - out_ref).
#pragma once

#include "gamut/core/config.h"
#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// [regularizer] of a recipe.
struct RegularizerConfig {
  // none | kl_flow | kl_exact | kl_v | kl_x | kl_x0 | structure_aware | gated_kl
  std::string kind = "none";
  double weight = 0.04;
  int64_t steps = 0;               // K: only the first K denoising steps; 0 = all. structure_aware: 0 = 3
  std::string decay = "hard";      // over the first K steps: hard | linear | cosine
  std::string form = "w2_half";    // structure_aware: w2_half | w2 | kl_flow | kl_exact | v_mse
  std::string reduction = "mean";  // over a sample's elements: mean | sum
  // Latent cells, per side, over which the difference is averaged before it is squared: holds color and
  // layout, leaves detail free. 1 = none.
  int64_t pool = 1;
  std::string reference = "frozen";  // frozen | ema | periodic (gated_kl's moving reference)
  double time_power = 0;             // objectives on the forward process: times t^time_power
  // The weight follows the variety that is left (anchor_weight.h); kept_share = 0: it is constant.
  double kept_share = 0, kept_rate = 1, kept_range = 16;
  // gated_kl (GARDO)
  std::string gate_sign = "as_coded";  // as_coded: U > 0 side | as_described: U < 0 side
  double gate_share = 0.10;            // p at the start
  std::vector<std::string> gate_rewards = {"clip_score"};
  bool names_gate_rewards = true;  // false: the recipe has tables in place of the names
  double reset_kl = 3e-4;
  int64_t reset_epochs = 15;
  void fields(FieldVisitor& v);
  bool is_on() const { return kind != "none" && weight > 0; }
  bool follows_variety() const { return is_on() && kept_share > 0; }
  int64_t span() const;  // K with its default filled in; 0 = all steps
  // Weight of denoising step i in [0, 1]: w_i of docs/algorithms/diverse_grpo.md; 0 for i >= K.
  double step_weight(int64_t index) const;
};

// Factor f of f * mean_CHW (mu - mu_ref)^2:
//   kl_flow 1 / (2 tau^2), tau = noise_std / sqrt(-dt)  (Flow-GRPO's code); gated_kl the same
//   kl_exact 1 / (2 noise_std^2)                        (the Gaussian KL)
//   kl_v, v_mse 1 / b^2, so the distance is that of network outputs; kl_x, w2 1; w2_half 1/2
//   kl_x0 (clean_out / b)^2, so that it is that of predicted clean latents.
double regularizer_factor(const std::string& kind, const diffusion::Step& step);

// Sum over trained samples of w_i f * reduce_CHW (mean - reference)^2; means [B, C, H, W], weight [B]. Not
// yet multiplied by RegularizerConfig::weight.
at::Tensor regularizer_sum(const RegularizerConfig& config, const diffusion::Step& step,
                           const at::Tensor& mean, const at::Tensor& reference_mean,
                           const at::Tensor& weight_B);

// The same between the network's outputs: sum over samples of weight reduce_CHW (output - reference)^2, kl_v
// where no step is.
at::Tensor output_distance_sum(const RegularizerConfig& config, const at::Tensor& output_BCHW,
                               const at::Tensor& reference_BCHW, const at::Tensor& weight_B);

// ConfigError for what cannot be: kl_flow on ddim, a decay without K, K beyond the steps, a power of time
// where steps train. Returns one line of warning, or "", when some of the first K steps are not among those
// that can train and so are not anchored.
std::string check_regularizer(const RegularizerConfig& config, const std::vector<diffusion::Step>& schedule,
                              const std::vector<int64_t>& trainable);

}  // namespace gamut::algorithms
