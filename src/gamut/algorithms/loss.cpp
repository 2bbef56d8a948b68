// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/loss.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/per_sample.h"

#include <ATen/ATen.h>

namespace gamut::algorithms {
namespace {

// exp() of this is still finite in fp32; a log-ratio of mean-reduced log-probabilities is never near it.
constexpr double kMaxLogRatio = 20.0;

LossTerms clipped_surrogate(const at::Tensor& log_ratio, const at::Tensor& advantage,
                            const at::Tensor& weight, double clip_range) {
  const at::Tensor ratio = log_ratio.clamp(-kMaxLogRatio, kMaxLogRatio).exp();
  const at::Tensor unclipped = -advantage * ratio;
  const at::Tensor clipped = -advantage * ratio.clamp(1 - clip_range, 1 + clip_range);

  LossTerms terms;
  terms.loss_sum = (at::maximum(unclipped, clipped) * weight).sum();
  terms.ratio_deviation_max = ((ratio.detach() - 1).abs() * weight).max();
  terms.clipped_sum = ((clipped > unclipped).to(at::kFloat) * weight).sum().detach();
  terms.approx_kl_sum = (log_ratio.detach().square() * 0.5 * weight).sum();
  return terms;
}

void need_normalized(const diffusion::Step& step) {
  if (!step.normalized)
    throw ConfigError("loss",
                      "grpo_guard needs a normalized log-probability; got sampler.logprob = \"released\"; "
                      "expected \"normalized\", or loss.kind = \"ppo_clip\"");
}

}  // namespace

void LossConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"ppo_clip", "grpo_guard", "none"}),
          "surrogate of objective.kind policy_gradient and (ppo_clip) awm; none: of the others, whose loss "
          "is their own");
  v.field("clip_range", clip_range, above(0), "trust region of the ratio: 1 ± clip_range");
  v.field("reweight", reweight, one_of({"inv_dt", "none"}),
          "grpo_guard: divide each step's loss by its length");
}

// Its ratio takes noise_std = tau sqrt(-dt), the increment of an SDE.
void check_loss(const LossConfig& config, const diffusion::SamplerConfig& sampler) {
  if (config.kind == "none")
    throw ConfigError(
        "loss",
        "objective.kind = \"policy_gradient\" needs a surrogate; got loss.kind = \"none\"; expected "
        "\"ppo_clip\" or \"grpo_guard\"");
  if (config.kind != "grpo_guard" || sampler.kind == "flow_sde" || sampler.kind == "dance_sde") return;
  throw ConfigError("loss",
                    cat("grpo_guard corrects the ratio of an SDE's step, whose noise is tau sqrt(-dt); got "
                        "sampler.kind = \"",
                        sampler.kind,
                        "\"; expected flow_sde or dance_sde, or loss.kind = "
                        "\"ppo_clip\""));
}

LossTerms ppo_clip(const at::Tensor& log_prob, const at::Tensor& old_log_prob, const at::Tensor& advantage,
                   const at::Tensor& weight, const LossConfig& config) {
  return clipped_surrogate(log_prob - old_log_prob, advantage, weight, config.clip_range);
}

LossTerms grpo_guard(const diffusion::Step& step, const at::Tensor& next, const at::Tensor& mean,
                     const at::Tensor& old_mean, const at::Tensor& advantage, const at::Tensor& weight,
                     const LossConfig& config) {
  need_normalized(step);
  GAMUT_CHECK(step.noise_std > 0, "a deterministic step has no ratio; step ", step.index);
  const at::Tensor eps = (next.detach() - old_mean.detach()) / step.noise_std;
  const at::Tensor log_ratio = diffusion::mean_per_sample(eps * (mean - old_mean.detach()));
  LossTerms terms = clipped_surrogate(log_ratio, advantage, weight, config.clip_range);
  if (config.reweight == "inv_dt") terms.loss_sum = terms.loss_sum / -step.dt;
  return terms;
}

}  // namespace gamut::algorithms
