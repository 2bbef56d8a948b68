// SPDX-License-Identifier: Apache-2.0
// Credit of one iteration: rewards of each prompt's group -> select -> shape -> advantages.
// Training and `gamut explain credit` call the same function.
#pragma once

#include "gamut/algorithms/advantage.h"
#include "gamut/algorithms/shaping.h"
#include "gamut/algorithms/subset.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// The members of one prompt in one iteration. A member whose score failed has `scored` 0: it enters no mean
// and no count, is never kept, and gets no gradient.
struct Group {
  std::vector<double> rewards = {};                // {0.1, 0.9, …}
  std::vector<uint8_t> scored = {};                // {1, 1, …}
  at::Tensor distances_NN = {};                    // double; undefined when no part needs it
  std::vector<int64_t> clusters = {};              // given labels, or empty: they are computed
  std::vector<at::Tensor> step_distances_NN = {};  // per_step_x0: of the predicted x0, states 0 … T-1
  std::string prompt = {};                         // the key of running statistics
  // mmd, scope = group: distances to the base's stored pictures of the prompt, and the median among these.
  at::Tensor base_distances_NM = {};  // double
  double base_width = 0;
  std::vector<double> witness = {};    // mmd, scope = batch: of each member
  std::vector<double> log_probs = {};  // tmpo: summed over the trained steps; empty: all alike
};

struct CreditConfig {
  const SubsetConfig& subset;
  const ShapingConfig& shaping;
  const AdvantageConfig& advantage;
};

// Where in the run this is; names the random streams.
struct CreditContext {
  uint64_t seed = 0;
  int64_t iteration = 0, iterations = 1;
  int64_t steps = 10;                      // T of gamma^T
  int64_t keep = 0;                        // G of the subset; 0 = half of the members
  PromptStatistics* statistics = nullptr;  // needed by advantage.kind = running
};

// Per group, per member in the order given (but `kept`, which lists indices, ascending); members not kept
// have advantage 0, trained 0, cluster -1 and NaN in diversity, bonus and shaped.
struct GroupCredit {
  std::vector<int64_t> kept = {}, clusters = {};
  std::vector<double> diversity = {}, bonus = {}, shaped = {}, advantages = {};
  // per_step_x0: [T][N]; else empty and `advantages` holds for all
  std::vector<std::vector<double>> step_advantages = {};
  std::vector<uint8_t> trained = {};
};

struct Credit {
  std::vector<GroupCredit> groups;
  int64_t zero_std_groups =
      0;  // groups whose kept shaped rewards (none kept: whose rewards) are all equal, or fewer than two
  double advantage_abs_mean = 0;  // over kept members
  // Means over groups; 0 where the part is off.
  double cluster_count = 0, cluster_entropy = 0, bonus_std = 0, pairwise_distance = 0;
  double subset_std_ratio = 1;
  int64_t subset_fallbacks = 0;  // groups in which the first rule was refused
};

// With std_source = candidates the rewards are z-scored with the candidates' mean and std (at least 1e-4)
// before shaping, whatever norm_r says, and only the kept members' mean is subtracted after it. Advantages of
// groups whose shaped rewards are all equal are exactly 0, but for `running`, whose baseline lies outside the
// group. ConfigError when more members are to be kept, or more clusters are asked for, than there are, and
// for scale = log_odds of rewards outside [0, 1].
Credit assign_credit(const std::vector<Group>& groups, const CreditConfig& config,
                     const CreditContext& context);

}  // namespace gamut::algorithms
