// SPDX-License-Identifier: Apache-2.0
// What a method can attain, and matched comparisons: diversity at equal reward, reward at equal diversity,
// each also within equal training time. Pure functions of numbers; docs/frontier.md has the maths.
//
//   const Comparison found = compare_methods(gamut, flow_grpo, {.levels = {0.9}});
//   if (found.diversity.change) …  // 0.42: 42 % more diversity at the same reward
//
// x is the reward and y the diversity throughout; both are better when larger.
#pragma once

#include "gamut/eval/bootstrap.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace gamut::eval {

// A checkpoint is chosen by its numbers on one set of evaluation seeds and reported by those on another, so
// that picking the best of noise gains nothing.
struct Checkpoint {
  int64_t step = 0;
  double seconds = std::numeric_limits<double>::quiet_NaN();  // training time until then; NaN = unknown
  double select_x = 0, select_y = 0;
  double report_x = 0, report_y = 0;
};

struct Curve {  // one training run
  int64_t seed = 0;
  std::vector<Checkpoint> checkpoints = {};  // by step; step 0 is the base
};

struct Method {
  std::string name;
  std::vector<Curve> runs = {};  // one per training seed
};

constexpr double kNoBudget = std::numeric_limits<double>::infinity();

// The checkpoint with the largest select_y among those with select_x >= level and seconds <= budget. Ties:
// the larger select_x, then the earlier step. nullptr when there is none.
const Checkpoint* best_y(const Curve& curve, double level, double budget = kNoBudget);
// The same with x and y exchanged.
const Checkpoint* best_x(const Curve& curve, double level, double budget = kNoBudget);
// Positions of the checkpoints that no other of the run exceeds in one of select_x, select_y and reaches in
// the other, by ascending select_x; of equal ones the earliest.
std::vector<size_t> pareto(const Curve& curve);

// The method with `points` more checkpoints on the straight line between each two neighbors, in every number:
// what a run evaluated more often might have shown. `step` is rounded down.
Method interpolated(const Method& method, int64_t points = 32);

// The attainable frontier along straight lines, exactly: of all points on the lines between neighboring
// checkpoints with select_x >= level and seconds <= budget the one with the largest select_y, with all its
// numbers; ties as in best_y. On a line that is one of its ends, or where the level or the budget is met.
// Absent when the run has no such point.
std::optional<Checkpoint> attained(const Curve& curve, double level, double budget = kNoBudget);

struct CompareOptions {
  BootstrapOptions bootstrap = {};
  std::vector<double> levels = {};  // rewards at which to compare
  std::vector<double> kept_shares{0.9, 0.75,
                                  0.5};  // diversities at which to compare, as shares of the base's
};

struct Span {
  double low = 0, high = 0;
};

// At one level. Means over seeds on the reporting evaluation; absent unless every seed has such a checkpoint.
struct AtLevel {
  double level = 0;
  int64_t method_reached = 0, baseline_reached = 0;              // seeds with such a checkpoint
  std::optional<double> method = {}, baseline = {};              // what is compared: y, or (x - x0) / x0
  std::optional<double> method_level = {}, baseline_level = {};  // what is held: x, or y
  std::optional<Estimate> change = {};                           // as in Matched
};

// One comparison over the levels that every seed of both methods reaches beyond the base.
struct Matched {
  std::optional<Span> range = {};                    // of levels
  std::string reason;                                // why numbers are absent; "" = none is
  std::optional<double> method = {}, baseline = {};  // averaged over the range
  // Diversity at equal reward: mean over levels of method / baseline - 1. Reward at equal diversity: mean
  // over levels of (method's reward - baseline's) / base reward.
  std::optional<Estimate> change = {};
  std::optional<Estimate> area = {};  // between the frontiers, in units of x times y
  std::vector<AtLevel> levels;
};

struct Comparison {
  std::string method, baseline;
  std::vector<int64_t> method_seeds, baseline_seeds;
  bool paired = false;                // equal seeds
  std::optional<double> budget = {};  // training seconds that both had
  Matched diversity;                  // at equal reward
  Matched reward;                     // at equal diversity
};

// Over all checkpoints. Each method needs a run, each run a checkpoint.
Comparison compare_methods(const Method& method, const Method& baseline, const CompareOptions& options = {},
                           double budget = kNoBudget);
// Over the checkpoints within the training time of the shortest run of either; absent when a time is unknown.
std::optional<Comparison> compare_at_equal_time(const Method& method, const Method& baseline,
                                                const CompareOptions& options = {});

}  // namespace gamut::eval
