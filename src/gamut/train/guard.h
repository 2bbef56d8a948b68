// SPDX-License-Identifier: Apache-2.0
// Decides which updates are applied: non-finite ones and gradient spikes are skipped or stop the run, by
// config. Says when a subset rule does not fit the reward.
#pragma once

#include "gamut/train/config.h"

#include <nlohmann/json_fwd.hpp>

namespace gamut::train {

class Guard {
 public:
  explicit Guard(const GuardConfig& config) : config_(config) {}

  // True: apply the update. False: skip it (counted). NumericalError when the recipe says stop, or after
  // max_skips skips in a row. The running mean of the norm covers applied updates only (decay 0.9), from the
  // tenth on.
  bool admits(bool finite, double grad_norm, int64_t iteration);
  // NumericalError past the tolerance: rollout and update disagree about the policy.
  void check_ratio(double max_deviation, int64_t iteration) const;

  // Once per process, after ten iterations with a subset rule: true, and a warning, when more than half of
  // their groups refused it for the next rule of subset.fallback.
  bool watch_subset(int64_t fallbacks, int64_t groups);

  int64_t skipped_total() const { return skipped_total_; }
  nlohmann::json state() const;
  void load_state(const nlohmann::json& state);

 private:
  GuardConfig config_;
  double norm_mean_ = 0;
  int64_t applied_ = 0, skipped_in_a_row_ = 0, skipped_total_ = 0;
  int64_t subset_iterations_ = 0, subset_fallbacks_ = 0, subset_groups_ = 0;
};

}  // namespace gamut::train
