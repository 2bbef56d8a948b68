// SPDX-License-Identifier: Apache-2.0
// The levels at which two methods are compared and the checkpoints that each run shows there.
// Frontiers of checkpoints are step functions that change only where a checkpoint stands, so averages over
// levels are exact sums over breakpoints.
#pragma once

#include "gamut/eval/frontier.h"

#include <string>
#include <vector>

namespace gamut::eval {

using Field = double Checkpoint::*;
using Find = const Checkpoint* (*)(const Curve&, double, double);

// Which of x and y is held equal and which is compared.
struct View {
  Find find;
  Field select_held, report_held, report_wanted;
  const char* held_name;
  bool upward;  // levels lie above the base (reward) or below it (diversity)
};
inline constexpr View kEqualReward{
    best_y, &Checkpoint::select_x, &Checkpoint::report_x, &Checkpoint::report_y, "reward", true};
inline constexpr View kEqualDiversity{
    best_x, &Checkpoint::select_y, &Checkpoint::report_y, &Checkpoint::report_x, "diversity", false};

struct Pair {
  const Method &method, &baseline;
  bool paired;
  double budget;
};

// Whether every run of both has its base, and the mean of a field over these.
bool has_bases(const Pair& pair);
double base_mean(const Pair& pair, Field field);

// Levels that every run attains, from the base on; empty when low >= high. The base bounds one side; without
// it the runs' own extents do. `limit` names the run that bounds the other.
Span common_range(const Pair& pair, const View& view, std::string& limit);

// Every select value in (low, high]: the frontiers are constant between two of them, and hold at the right
// end.
std::vector<double> breakpoints(const Pair& pair, const View& view, const Span& range);

// [level][run] checkpoint, nullptr where a run has none.
using Chosen = std::vector<std::vector<const Checkpoint*>>;
Chosen choose(const Method& method, const View& view, const std::vector<double>& levels, double budget);

}  // namespace gamut::eval
