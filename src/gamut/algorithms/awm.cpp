// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/awm.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/forward_objective.h"

#include <ATen/ATen.h>

#include <cmath>

namespace gamut::algorithms {
namespace {

// Keeps the power's slope finite where nothing is wrong; Flow-Factory's value.
constexpr double kGhuberFloor = 1e-10;

TimeWeight time_weight_of(const ObjectiveConfig& config) {
  if (config.time_weight == "t") return TimeWeight::kT;
  if (config.time_weight == "t2") return TimeWeight::kT2;
  return config.time_weight == "ghuber" ? TimeWeight::kGhuber : TimeWeight::kNone;
}

class Awm : public ForwardObjective {
 public:
  Awm(const Slots& slots, uint64_t seed)
      : ForwardObjective(slots, seed),
        weight_(time_weight_of(slots.objective)),
        power_(slots.objective.ghuber_power),
        clip_{.clip_range = slots.loss.clip_range} {}

  Needs needs() const override { return {.trajectory = false, .old = true}; }

 protected:
  LossTerms own_terms(const TrainItem& item, const Predictions& predictions) const override {
    const at::Tensor time = of_points(item.points, &diffusion::ForwardPoint::time, item.x_BCHW);
    const auto log_prob = [&](const at::Tensor& output) {
      return matching_log_prob(matching_error(output, item.target_BCHW), time, weight_, power_);
    };
    return ppo_clip(log_prob(predictions.current), log_prob(predictions.old), item.advantage_B, item.weight_B,
                    clip_);
  }

 private:
  TimeWeight weight_;
  double power_;
  LossConfig clip_;
};

}  // namespace

at::Tensor matching_log_prob(const at::Tensor& error, const at::Tensor& time, TimeWeight weight,
                             double power) {
  if (weight == TimeWeight::kNone) return -error;
  if (weight == TimeWeight::kT) return -error * time;
  if (weight == TimeWeight::kT2) return -error * time.square();
  return -((error + kGhuberFloor).pow(power) - std::pow(kGhuberFloor, power)) * time / power;
}

std::unique_ptr<Objective> make_awm(const Slots& slots, uint64_t seed) {
  return std::make_unique<Awm>(slots, seed);
}

}  // namespace gamut::algorithms
