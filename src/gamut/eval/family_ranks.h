// SPDX-License-Identifier: Apache-2.0
// The headline of a comparison: methods ranked within each seed on every measure of every family
// (Measure::family), ranks averaged within a family, then over families, so that no family wins by having
// more measures. docs/protocol.md names the families; pure functions of numbers.
#pragma once

#include "gamut/eval/level_pairs.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::eval {

struct RankedMeasure {
  std::string key, family;
  // [method][seed]; larger is better; NaN: that run does not come to the point compared, and ranks behind all
  // that do.
  std::vector<std::vector<double>> values;
};

struct FamilyRanks {
  std::vector<std::string> families;       // as they first appear
  std::vector<std::vector<double>> ranks;  // [method][family], mean over seeds; 1 is best
  std::vector<double> headline;            // [method], mean over families
  // First minus second, below 0 = the first ranks better: differences within seeds, intervals as in
  // level_pairs.h.
  std::vector<PairAtLevel> pairs;
};

// `seeds`: the same of every method. Needs two methods and a measure; equal values share the mean of their
// ranks.
FamilyRanks family_ranks(const std::vector<std::string>& methods, const std::vector<int64_t>& seeds,
                         const std::vector<RankedMeasure>& measures, double confidence = 0.95);

// Ranks of values, 1 = the largest, equal ones sharing their mean; NaN last.
std::vector<double> ranks_of(const std::vector<double>& values);

}  // namespace gamut::eval
