// SPDX-License-Identifier: Apache-2.0
// The regularizer's weight as the multiplier of a constraint: "keep at least this share of the base's
// variety" (regularizer.kept_share). Dual ascent on the logarithm: after an iteration whose rollouts kept the
// share k of the base's variety,
//
//   s <- 0.8 s + 0.2 k  (the first: s = k)        w <- clamp(w exp(rate (kept_share - s)), 1 / range, range)
//
// w in units of regularizer.weight, 1 at the start. So nothing is held that moves nothing.
#pragma once

#include "gamut/algorithms/regularizer.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>

namespace gamut::algorithms {

class AnchorWeight {
 public:
  explicit AnchorWeight(const RegularizerConfig& config) : config_(config) {}
  double factor() const { return factor_; }                    // of regularizer.weight
  const std::optional<double>& kept() const { return kept_; }  // s; absent before the first iteration
  // `kept`: the share of the base's variety in this iteration's rollouts, >= 0 and finite.
  void observe(double kept);

  nlohmann::json state() const;
  // DataError for numbers that are not finite or out of range.
  void load_state(const nlohmann::json& state);

 private:
  RegularizerConfig config_;
  double factor_ = 1;
  std::optional<double> kept_;
};

}  // namespace gamut::algorithms
