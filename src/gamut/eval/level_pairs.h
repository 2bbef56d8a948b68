// SPDX-License-Identifier: Apache-2.0
// Every pair of methods at the same levels of quality, with intervals that hold for all pairs of a level
// together.
//
// Per run the attainable frontier along lines (attained of frontier.h) gives y at the level; of two methods
// with means m and b over seeds the change is m / b - 1, or, where a mean is not above 0, the difference m -
// b. Its interval is Student's t with the jackknife's standard error (of the logarithm of m / b; of a
// difference that is the paired t test), at confidence 1 - (1 - confidence) / pairs: Bonferroni, since an
// interval of Holm's procedure does not exist and since t, unlike a bootstrap of few seeds, has the far tails
// that many pairs ask for. Pure functions of numbers.
#pragma once

#include "gamut/eval/frontier.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gamut::eval {

struct LevelOptions {
  // Of x, the same for all methods (docs/protocol.md).
  std::vector<double> levels{0.80, 0.85, 0.90, 0.93, 0.95};
  double confidence = 0.95;
  double budget = kNoBudget;  // training seconds
};

struct MethodAtLevel {
  std::string method;
  int64_t reached = 0, seeds = 0;  // seeds whose frontier reaches the level
  std::optional<double> x = {},
                        y = {};  // means over seeds by the reporting evaluation; absent unless all reach it
};

struct PairAtLevel {
  std::string first, second;
  bool is_ratio = true;  // false: `change` is a difference in y's unit
  bool paired = false;   // equal seeds
  std::optional<Estimate> change =
      {};  // of the first against the second; absent unless both reached the level
  // An interval without 0; anything else is no finding.
  bool found() const { return change && change->low && (*change->low > 0 || *change->high < 0); }
};

struct LevelTable {
  std::optional<double> level = {};  // absent: the run's last checkpoint within the budget
  std::vector<MethodAtLevel> methods;
  std::vector<PairAtLevel> pairs;  // each pair once, in the order of the methods
};

// One table per level, and one of the ends. DataError as compare_methods.
std::vector<LevelTable> level_tables(const std::vector<Method>& methods, const LevelOptions& options);
// Training time of the shortest run of all; absent when a time is unknown.
std::optional<double> shortest_time(const std::vector<Method>& methods);

// Values of two methods by seed, seeds ascending. Used for every pair above; `pairs` = how many there are.
struct SeedValues {
  std::vector<int64_t> seeds;
  std::vector<double> values;
};
PairAtLevel compare_pair(const SeedValues& first, const SeedValues& second, double confidence, size_t pairs,
                         bool differences_only = false);

}  // namespace gamut::eval
