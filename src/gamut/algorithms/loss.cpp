// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/loss.h"

#include <ATen/ATen.h>

namespace gamut::algorithms {
namespace {

// exp() of this is still finite in fp32; a log-ratio of mean-reduced log-probabilities is never near it.
constexpr double kMaxLogRatio = 20.0;

}  // namespace

void LossConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"ppo_clip"}), "surrogate objective");
  v.field("clip_range", clip_range, above(0), "trust region of the ratio: 1 ± clip_range");
}

LossTerms ppo_clip(const at::Tensor& log_prob, const at::Tensor& old_log_prob, const at::Tensor& advantage,
                   const at::Tensor& weight, const LossConfig& config) {
  const at::Tensor log_ratio = log_prob - old_log_prob;
  const at::Tensor ratio = log_ratio.clamp(-kMaxLogRatio, kMaxLogRatio).exp();
  const at::Tensor unclipped = -advantage * ratio;
  const at::Tensor clipped = -advantage * ratio.clamp(1 - config.clip_range, 1 + config.clip_range);

  LossTerms terms;
  terms.loss_sum = (at::maximum(unclipped, clipped) * weight).sum();
  terms.ratio_deviation_max = ((ratio.detach() - 1).abs() * weight).max();
  terms.clipped_sum = ((clipped > unclipped).to(at::kFloat) * weight).sum().detach();
  terms.approx_kl_sum = (log_ratio.detach().square() * 0.5 * weight).sum();
  return terms;
}

}  // namespace gamut::algorithms
