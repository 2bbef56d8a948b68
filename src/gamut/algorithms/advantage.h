// SPDX-License-Identifier: Apache-2.0
// From shaped rewards to one advantage per member, in double precision and independent of the members' order.
#pragma once

#include "gamut/core/config.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gamut::algorithms {

// [advantage] of a recipe. Peers differ in each of these conventions (docs/algorithms/ lists them).
struct AdvantageConfig {
  // group | batch_std | no_std | nearest_neighbour_weight (GARDO) | running (DDPO: statistics per prompt) |
  // reward (the shaped reward itself: no baseline, no divisor, no clip) | tmpo (tmpo.h: the group's target)
  std::string kind = "batch_std";
  std::string std_scope = "auto";  // auto (as kind says) | group | batch | none
  int64_t std_ddof = 0;
  double std_eps = 1e-4;
  std::string std_eps_form = "add";  // add: std + eps | floor: max(std, eps)
  // kept: std of the group's members | candidates (with a subset): r is z-scored by all candidates before
  // shaping and only the kept mean is subtracted after it
  std::string std_source = "kept";
  // Rewards closer than this are one reward: a group whose scored rewards span no more (times their mean,
  // where that is above 1) has no signal, and no std is taken below it. 0: the published formula, which
  // divides roundings by themselves.
  double resolution = 0;
  std::string scale = "reward";  // reward | log_odds: ln(r / (1 - r)), before anything is chosen or shaped
  double target_beta = 1.0;      // tmpo: how sharply the target follows the reward
  int64_t buffer = 16;           // running: newest rewards remembered per prompt
  double clip = 5.0;
  std::string zero = "drop";  // keep | drop: samples whose advantage is 0
  void fields(FieldVisitor& v);
  bool needs_distances() const { return kind == "nearest_neighbour_weight"; }
};

// DDPO's statistics (ddpo-pytorch): the newest `buffer` rewards of each prompt, kept across iterations. The
// current rewards are appended first; a prompt with fewer than `buffer` entries uses the batch's mean and
// std.
class PromptStatistics {
 public:
  struct Moments {
    double mean = 0, std = 0;  // population std
    int64_t count = 0;
  };
  // The moments of what is remembered after the rewards were appended (none: as it stands).
  Moments append(const std::string& prompt, const std::vector<double>& rewards, int64_t buffer);
  nlohmann::json state() const;
  void load_state(const nlohmann::json& state);

 private:
  std::map<std::string, std::vector<double>> newest_;
};

}  // namespace gamut::algorithms
