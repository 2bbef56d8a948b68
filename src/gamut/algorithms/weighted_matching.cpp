// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/weighted_matching.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/forward_objective.h"
#include "gamut/core/error.h"

#include <ATen/ATen.h>

namespace gamut::algorithms {
namespace {

Weighting weighting_of(const ObjectiveConfig& config) {
  if (config.weighting == "threshold") return Weighting::kThreshold;
  return config.weighting == "exp" ? Weighting::kExp : Weighting::kReward;
}

class WeightedMatching : public ForwardObjective {
 public:
  WeightedMatching(const Slots& slots, uint64_t seed)
      : ForwardObjective(slots, seed),
        weighting_(weighting_of(slots.objective)),
        scale_(weighting_ == Weighting::kThreshold ? slots.objective.threshold
                                                   : slots.objective.temperature) {}

  Needs needs() const override { return {.trajectory = false}; }

 protected:
  LossTerms own_terms(const TrainItem& item, const Predictions& predictions) const override {
    const at::Tensor error = matching_error(predictions.current, item.target_BCHW);
    return {.loss_sum =
                (matching_weight(item.advantage_B, weighting_, scale_) * error * item.weight_B).sum()};
  }

 private:
  Weighting weighting_;
  double scale_;
};

}  // namespace

at::Tensor matching_weight(const at::Tensor& reward, Weighting weighting, double scale) {
  if (weighting == Weighting::kThreshold) return (reward >= scale).to(reward.scalar_type());
  return weighting == Weighting::kExp ? (reward / scale).exp() : reward.clamp_min(0);
}

bool has_weight(const ObjectiveConfig& config, double reward) {
  const Weighting weighting = weighting_of(config);
  if (weighting == Weighting::kThreshold) return reward >= config.threshold;
  return weighting == Weighting::kExp || reward > 0;
}

std::unique_ptr<Objective> make_weighted_matching(const Slots& slots, uint64_t seed) {
  if (slots.objective.weighting == "reward" && slots.advantage.kind != "reward")
    throw ConfigError(
        "objective",
        cat("weighting = \"reward\" takes the reward as weight, and advantages lie around 0; got "
            "advantage.kind = \"",
            slots.advantage.kind,
            "\"; expected \"reward\", or "
            "objective.weighting = \"exp\" or \"threshold\""));
  return std::make_unique<WeightedMatching>(slots, seed);
}

}  // namespace gamut::algorithms
