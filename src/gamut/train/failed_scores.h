// SPDX-License-Identifier: Apache-2.0
// The end of a run whose pictures cannot be scored.
#pragma once

#include "gamut/comm/group.h"
#include "gamut/rewards/reward.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace gamut::train {

struct FailedScores {
  std::string reward;     // its name
  int64_t iteration = 0;  // from 1
  bool updated = false;   // whether the policy is no longer the base
};

// Throws the NumericalError that says why: pictures that are not finite are no failure of the reward.
// `scores`: of all rows of the iteration; `own_pictures`: of this process's. All processes call it alike.
[[noreturn]] void refuse_scores(const rewards::Scores& scores, const at::Tensor& own_pictures,
                                const FailedScores& failed, comm::Group& group);

}  // namespace gamut::train
