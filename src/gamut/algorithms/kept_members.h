// SPDX-License-Identifier: Apache-2.0
// The first half of credit: which members of each group are kept, and how their rewards are shaped.
#pragma once

#include "gamut/algorithms/credit.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::algorithms {

// What is left of a group after selection; members are named by their index in the group.
struct Kept {
  std::vector<int64_t> members = {};
  std::vector<double> candidates = {};  // rewards of all scored members
  std::vector<double> rewards = {};     // of the kept
  at::Tensor distances = {};
  ShapedGroup shape = {};
  std::vector<std::vector<double>> shaped = {};  // [1 + T]: the terminal form, then one per step
  double std_ratio = 1;
  int64_t fallbacks = 0;
};

// Members with a score, ascending, and their rewards.
std::vector<int64_t> scored_members(const Group& group);
std::vector<double> scored_rewards(const Group& group);

// One per group; a group that may keep nobody has no members. ConfigError as assign_credit() says.
std::vector<Kept> select_and_shape(const std::vector<Group>& groups, const CreditConfig& config,
                                   const CreditContext& context);

}  // namespace gamut::algorithms
