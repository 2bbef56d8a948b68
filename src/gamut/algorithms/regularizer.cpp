// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/regularizer.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/per_sample.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gamut::algorithms {

void RegularizerConfig::fields(FieldVisitor& v) {
  v.field("kind", kind,
          one_of({"none", "kl_flow", "kl_exact", "kl_v", "kl_x", "kl_x0", "structure_aware", "gated_kl"}),
          "distance to the reference policy");
  v.field("weight", weight, at_least(0), "factor of that distance in the loss");
  v.field("steps", steps, at_least(0), "only the first K denoising steps; 0 = all, structure_aware: 3");
  v.field("decay", decay, one_of({"hard", "linear", "cosine"}), "weight over these K steps");
  v.field("form", form, one_of({"w2_half", "w2", "kl_flow", "kl_exact", "v_mse"}),
          "structure_aware: the distance");
  v.field("pool", pool, between(1, 64),
          "the difference is first averaged over pool x pool latent cells; 1 = not");
  v.field("reduction", reduction, one_of({"mean", "sum"}), "over the elements of a latent");
  v.field("reference", reference, one_of({"frozen", "ema", "periodic"}),
          "the base, the averaged policy, or (gated_kl) a copy renewed by reset_kl and reset_epochs");
  v.field("time_power", time_power, between(0, 16),
          "objectives on the forward process: the distance at time t counts t^time_power; 0 = as much at "
          "every time");
  v.field("kept_share", kept_share, between(0, 1),
          "the weight follows the variety: it rises while the rollouts keep less than this share of the "
          "base's, and falls "
          "while they keep more; 0 = constant");
  v.field("kept_rate", kept_rate, above(0),
          "kept_share: an iteration multiplies the weight by exp(kept_rate (kept_share - kept))");
  v.field("kept_range", kept_range, at_least(1),
          "kept_share: the weight stays between weight / kept_range and weight kept_range");
  v.field("gate_sign", gate_sign, one_of({"as_coded", "as_described"}),
          "gated_kl: which side of the ranks' disagreement is held, see docs/algorithms/gardo.md");
  v.field("gate_share", gate_share, between(0.02, 0.20), "gated_kl: share of that side at the start");
  if (names_gate_rewards)
    v.field("gate_rewards", gate_rewards, any_value(),
            "gated_kl: the auxiliary rewards by kind, configured by [reward]'s keys; or tables "
            "[[regularizer.gate_rewards]]");
  v.field("reset_kl", reset_kl, at_least(0), "gated_kl: renew the reference when the distance passes this");
  v.field("reset_epochs", reset_epochs, at_least(1), "gated_kl: renew it after more than so many iterations");
}

int64_t RegularizerConfig::span() const { return kind == "structure_aware" && steps == 0 ? 3 : steps; }

double RegularizerConfig::step_weight(int64_t index) const {
  const int64_t span = this->span();
  if (span == 0) return 1;
  if (index >= span) return 0;
  const double done = double(index) / double(span);
  if (decay == "linear") return 1 - done;
  if (decay == "cosine") return 0.5 * (1 + std::cos(std::numbers::pi * done));
  return 1;
}

double regularizer_factor(const std::string& kind, const diffusion::Step& step) {
  if (kind == "kl_x" || kind == "w2") return 1;
  if (kind == "w2_half") return 0.5;
  if (kind == "kl_v" || kind == "v_mse") return 1 / (step.b * step.b);
  if (kind == "kl_x0") return (step.clean_out / step.b) * (step.clean_out / step.b);
  GAMUT_CHECK(step.noise_std > 0, kind, " on the deterministic step ", step.index);
  if (kind == "kl_exact") return 1 / (2 * step.noise_std * step.noise_std);
  GAMUT_CHECK(kind == "kl_flow" || kind == "gated_kl", "kind = ", kind);
  GAMUT_CHECK(step.timestep < 0, kind, " needs a time step dt; ddim has none");
  const double tau = step.diffusion();
  return 1 / (2 * tau * tau);
}

at::Tensor regularizer_sum(const RegularizerConfig& config, const diffusion::Step& step,
                           const at::Tensor& mean, const at::Tensor& reference_mean,
                           const at::Tensor& weight) {
  const std::string& kind = config.kind == "structure_aware" ? config.form : config.kind;
  return output_distance_sum(config, mean, reference_mean, weight) *
         (config.step_weight(step.index) * regularizer_factor(kind, step));
}

at::Tensor output_distance_sum(const RegularizerConfig& config, const at::Tensor& output,
                               const at::Tensor& reference, const at::Tensor& weight) {
  at::Tensor difference = output - reference.detach();
  if (config.pool > 1) difference = at::avg_pool2d(difference, {config.pool, config.pool});
  const at::Tensor squares = difference.square();
  const at::Tensor distance =
      config.reduction == "sum" ? diffusion::sum_per_sample(squares) : diffusion::mean_per_sample(squares);
  return (distance * weight).sum();
}

std::string check_regularizer(const RegularizerConfig& config, const std::vector<diffusion::Step>& schedule,
                              const std::vector<int64_t>& trainable) {
  if (!config.is_on()) return {};
  const std::string& distance = config.kind == "structure_aware" ? config.form : config.kind;
  const bool per_time = distance == "kl_flow" || distance == "gated_kl";
  if (per_time && !schedule.empty() && schedule.front().timestep >= 0)
    throw ConfigError("regularizer", cat(distance,
                                         " divides by a coefficient per unit of time, which ddim lacks; "
                                         "expected kl_exact, kl_v, kl_x or structure_aware's w2_half"));
  if (config.time_power != 0)
    throw ConfigError(
        "regularizer",
        cat("time_power weighs times of the forward process, and here denoising steps train; got ",
            config.time_power, "; expected 0, or regularizer.steps and decay"));
  if (config.decay != "hard" && config.span() == 0)
    throw ConfigError("regularizer", cat("decay = \"", config.decay,
                                         "\" runs over the first K steps; got steps = 0; "
                                         "expected steps >= 1"));
  if (config.steps > int64_t(schedule.size()))
    throw ConfigError("regularizer",
                      cat("regularizer.steps reaches beyond the trajectory; got ", config.steps,
                          "; expected at most sampler.steps = ", schedule.size()));
  const int64_t span = std::min(config.span(), int64_t(schedule.size()));
  const int64_t visited =
      std::count_if(trainable.begin(), trainable.end(), [&](int64_t i) { return i < span; });
  if (visited == span) return {};
  return cat("[regularizer] only trained steps are held near the reference: ", visited, " of the first ",
             span, " steps can train (see [schedule])");
}

}  // namespace gamut::algorithms
