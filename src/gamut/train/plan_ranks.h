// SPDX-License-Identifier: Apache-2.0
// What a plan is for one of several processes that train together.
#pragma once

#include "gamut/train/plan.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>

namespace gamut::train {

// Of the process with the most pictures.
struct RankPlan {
  int64_t ranks = 1;
  int64_t pictures = 0;  // drawn per iteration
  double flops = 0;      // per iteration
  int64_t sent = 0;      // bytes of gradients per iteration: updates x 2 (N - 1) / N x 4 x trained weights
  // Bytes, at most: the plan's, less the share of trajectories, pictures and graphs that others have. A
  // micro-batch that the slice cannot fill needs less.
  int64_t needed = 0;
  nlohmann::ordered_json to_json() const;
};

// ConfigError as Slices.
RankPlan plan_of_rank(const Plan& plan, int64_t ranks);

}  // namespace gamut::train
