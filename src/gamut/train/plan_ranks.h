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
  bool divided = false;  // the state of optimizer and average (train.shard_optimizer)
  // Bytes of gradients, and of divided weights, per iteration: updates x 4 x trained weights x (N - 1) / N x
  // 2, divided x (2 + 1 / N).
  int64_t sent = 0;
  // Bytes, at most: the plan's, less the share of trajectories, pictures and graphs, and of divided state,
  // that others have. A micro-batch that the slice cannot fill needs less.
  int64_t needed = 0;
  nlohmann::ordered_json to_json() const;
};

// `divides`: TrainConfig::divides_state() of the recipe. ConfigError as Slices.
RankPlan plan_of_rank(const Plan& plan, int64_t ranks, bool divides);

}  // namespace gamut::train
