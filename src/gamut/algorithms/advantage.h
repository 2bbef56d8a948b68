// SPDX-License-Identifier: Apache-2.0
// Credit: from the rewards of a prompt's group to one advantage per member, in double precision.
#pragma once

#include "gamut/core/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// [advantage] of a recipe. Peers differ in each of these conventions (docs/algorithms/flow_grpo.md lists them).
struct AdvantageConfig {
  std::string kind = "batch_std";   // group | batch_std | no_std
  std::string std_scope = "auto";   // auto (as kind says) | group | batch
  int64_t std_ddof = 0;
  double std_eps = 1e-4;
  std::string std_eps_form = "add"; // add: std + eps | floor: max(std, eps)
  double clip = 5.0;
  std::string zero = "drop";        // keep | drop: samples whose advantage is 0
  void fields(FieldVisitor& v);
};

// The members of one prompt in one iteration. A member whose score failed has `scored` 0: it enters no mean and no
// count, and gets no gradient.
struct Group {
  std::vector<double> rewards;    // {0.1, 0.9, …}
  std::vector<uint8_t> scored;    // {1, 1, …}
};

struct Credit {
  std::vector<std::vector<double>> advantages;  // per group, per member; 0 where not trained
  std::vector<std::vector<uint8_t>> trained;    // 1: the member enters the loss
  int64_t zero_std_groups = 0;                  // groups whose scored rewards are all equal (or fewer than two)
  double advantage_abs_mean = 0;                // over scored members
};

// A_j = clip((r_j - mean_group) / (std + eps), ±clip). The mean is always the group's.
Credit assign_credit(const std::vector<Group>& groups, const AdvantageConfig& config);

}  // namespace gamut::algorithms
