// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/guard.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/train/checkpoint.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::train {
namespace {

// Before this many applied updates the running mean is too young to call anything a spike.
constexpr int64_t kSpikeWarmup = 10;
constexpr double kNormDecay = 0.9;
constexpr int64_t kSubsetTrial = 10;  // iterations before the subset rule is judged

}  // namespace

bool Guard::admits(bool finite, double grad_norm, int64_t iteration) {
  const bool spike = finite && config_.on_spike != "ignore" && applied_ >= kSpikeWarmup &&
                     grad_norm > config_.spike_factor * norm_mean_;
  if (finite && !spike) {
    norm_mean_ = applied_ == 0 ? grad_norm : kNormDecay * norm_mean_ + (1 - kNormDecay) * grad_norm;
    ++applied_;
    skipped_in_a_row_ = 0;
    return true;
  }
  ++skipped_total_;
  ++skipped_in_a_row_;
  const std::string what =
      finite ? cat("gradient norm ", grad_norm, " is ", grad_norm / norm_mean_, " times its running mean")
             : std::string("the loss or its gradient is not finite");
  const bool stop = (finite ? config_.on_spike : config_.on_nonfinite) == "stop";
  if (stop)
    throw NumericalError("guard", cat(what, " in iteration ", iteration, "; the recipe says stop (guard.on_",
                                      finite ? "spike" : "nonfinite", "); the last checkpoint is intact"));
  if (skipped_in_a_row_ >= config_.max_skips)
    throw NumericalError("guard", cat(skipped_in_a_row_, " updates in a row were skipped, the last because ",
                                      what, " in iteration ", iteration,
                                      "; lower optimizer.learning_rate; the last checkpoint is intact"));
  log_warning(cat("skipped an update in iteration ", iteration, ": ", what));
  return false;
}

void Guard::check_ratio(double max_deviation, int64_t iteration) const {
  if (max_deviation <= config_.ratio_tolerance) return;
  throw NumericalError(
      "guard",
      cat("rollout and update must see the same policy before the first update; got |ratio - 1| up to ",
          max_deviation, " in iteration ", iteration, "; expected at most ", config_.ratio_tolerance,
          " (guard.ratio_tolerance)"));
}

bool Guard::watch_subset(int64_t fallbacks, int64_t groups) {
  subset_fallbacks_ += fallbacks;
  subset_groups_ += groups;
  if (++subset_iterations_ != kSubsetTrial || 2 * subset_fallbacks_ <= subset_groups_) return false;
  log_warning(cat("subset.kind was refused in ", subset_fallbacks_, " of ", subset_groups_, " groups of ",
                  subset_iterations_,
                  " iterations, since what it keeps has next to no spread of rewards (below "
                  "subset.std_floor); use a denser reward, or subset.kind = \"stratified\""));
  return true;
}

nlohmann::json Guard::state() const {
  return {{"norm_mean", norm_mean_},
          {"applied", applied_},
          {"skipped_in_a_row", skipped_in_a_row_},
          {"skipped_total", skipped_total_}};
}

void Guard::load_state(const nlohmann::json& state) {
  norm_mean_ = state.at("norm_mean").get<double>();
  if (!std::isfinite(norm_mean_) || norm_mean_ < 0)
    throw DataError("checkpoint",
                    cat("'norm_mean' of state.json must be a number of 0 or more; got ", norm_mean_));
  applied_ = stored_count(state, "applied");
  skipped_in_a_row_ = stored_count(state, "skipped_in_a_row");
  skipped_total_ = stored_count(state, "skipped_total");
}

}  // namespace gamut::train
