// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/anchor_weight.h"

#include "gamut/core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace gamut::algorithms {
namespace {

// A group of six shows its variety to a fifth or so; five iterations' mean shows it well enough.
constexpr double kMemory = 0.8;

}  // namespace

void AnchorWeight::observe(double kept) {
  GAMUT_CHECK(std::isfinite(kept) && kept >= 0, "kept = ", kept);
  kept_ = kept_ ? kMemory * *kept_ + (1 - kMemory) * kept : kept;
  const double moved = factor_ * std::exp(config_.kept_rate * (config_.kept_share - *kept_));
  factor_ = std::clamp(moved, 1 / config_.kept_range, config_.kept_range);
}

nlohmann::json AnchorWeight::state() const {
  return {{"factor", factor_}, {"kept", kept_ ? nlohmann::json(*kept_) : nlohmann::json()}};
}

void AnchorWeight::load_state(const nlohmann::json& state) {
  const double factor = state.at("factor").get<double>();
  const double kept = state.at("kept").is_null() ? 0 : state.at("kept").get<double>();
  if (!(factor >= 1 / config_.kept_range && factor <= config_.kept_range) || !(kept >= 0) ||
      !std::isfinite(kept))
    throw DataError("checkpoint",
                    cat("the anchor's weight must lie between 1 / kept_range and kept_range; got ", factor,
                        ", kept ", kept));
  factor_ = factor;
  kept_ = state.at("kept").is_null() ? std::nullopt : std::optional(kept);
}

}  // namespace gamut::algorithms
