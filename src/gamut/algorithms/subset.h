// SPDX-License-Identifier: Apache-2.0
// Which of a prompt's N candidates train: DRIFT's reward-concentrated subset, its alternatives and its
// controls. Chosen on the task reward, before shaping.
#pragma once

#include "gamut/core/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// [subset] of a recipe.
struct SubsetConfig {
  // all | min_variance | nearest_mean | nearest_median | trim | sigma_band | upper_trim | stratified (evenly
  // spaced ranks of the sorted rewards, first and last among them); controls: top_bottom | max_variance |
  // random
  std::string kind = "all";
  int64_t candidates = 0;  // N drawn per prompt; 0 = 2 x rollout.group_size
  int64_t keep = 0;        // G kept; 0 = rollout.group_size in training, N / 2 in gamut explain credit
  // top_bottom: every group trains `keep`, or the batch as many in all, pairs of extremes further apart
  // first, so that a group whose rewards hardly differ leaves its place to others.
  std::string scope = "group";  // group | batch
  double kappa = 1.0;           // sigma_band: |r - mean| <= kappa std
  // A subset whose reward std is under floor x the candidates' is refused for the next rule of `fallback`.
  double std_floor = 0.05;  // 0 = no guard
  // Where the guard acts, most rewards are equal and the few others are the signal, not outliers: `trim`
  // would cut it off, stratified keeps its share. "trim" may still be put before it.
  std::vector<std::string> fallback = {"stratified"};
  void fields(FieldVisitor& v);
  bool is_on() const { return kind != "all"; }
};

// ConfigError for a scope that the rule does not know.
void check_subset(const SubsetConfig& config);

struct Subset {
  std::vector<int64_t> kept = {};  // ascending indices
  double std_ratio = 1;   // population std of the kept over that of the candidates; 1 when the latter is 0
  int64_t fallbacks = 0;  // rules that were refused (0: `kind` served)
};

// `rewards` of the scored candidates, all finite; ConfigError when keep > N. `sigma_band` keeps as many as
// lie inside, at least two; every other rule exactly `keep` (trim drops an odd one at the top). Ties go to
// the lower rewards (top and bottom: to the higher). All rewards equal: the first `keep`. `random` draws from
// the stream (seed, "subset", {iteration, group}), which is the key. As a fallback "all" means stratified, so
// that the number of trained pictures stays as planned.
Subset choose_subset(const std::vector<double>& rewards, const SubsetConfig& config, int64_t keep,
                     uint64_t seed, const std::vector<int64_t>& key);

// scope = batch: how many members each group trains, as many in all as `planned` for the groups. A group's
// pairs are its best and worst, its second best and second worst, …, of an odd group the middle alone; those
// with the largest difference of rewards are taken, of equal ones a group's outer pair, then the earlier
// group. An odd last place goes to the better of the next pair. A group without rewards gets and gives
// nothing; ConfigError when more are planned than a group has.
std::vector<int64_t> allocate_by_reward_gap(const std::vector<std::vector<double>>& rewards,
                                            const std::vector<int64_t>& planned);

}  // namespace gamut::algorithms
