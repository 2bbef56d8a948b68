// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/matched_levels.h"

#include "gamut/core/error.h"

#include <algorithm>

namespace gamut::eval {
namespace {

const Checkpoint* base_of(const Curve& run) {
  const auto base = std::find_if(run.checkpoints.begin(), run.checkpoints.end(),
                                 [](const Checkpoint& checkpoint) { return checkpoint.step == 0; });
  return base == run.checkpoints.end() ? nullptr : &*base;
}

template <class Visit>
void each_run(const Pair& pair, Visit visit) {
  for (const Method* method : {&pair.method, &pair.baseline})
    for (const Curve& run : method->runs) visit(*method, run);
}

// Smallest and largest value of a field among a run's checkpoints within the budget.
Span extent(const Curve& run, Field field, double budget) {
  Span span{kNoBudget, -kNoBudget};
  for (const Checkpoint& checkpoint : run.checkpoints) {
    if (budget < kNoBudget && !(checkpoint.seconds <= budget)) continue;
    span.low = std::min(span.low, checkpoint.*field);
    span.high = std::max(span.high, checkpoint.*field);
  }
  return span;
}

}  // namespace

bool has_bases(const Pair& pair) {
  bool all = true;
  each_run(pair, [&](const Method&, const Curve& run) { all = all && base_of(run); });
  return all;
}

double base_mean(const Pair& pair, Field field) {
  double sum = 0, count = 0;
  each_run(pair, [&](const Method&, const Curve& run) {
    sum += base_of(run)->*field;
    count += 1;
  });
  return sum / count;
}

Span common_range(const Pair& pair, const View& view, std::string& limit) {
  Span range{-kNoBudget, kNoBudget};
  const bool bases = has_bases(pair);
  each_run(pair, [&](const Method& method, const Curve& run) {
    Span own = extent(run, view.select_held, pair.budget);
    const bool limits = view.upward ? own.high < range.high : own.low > range.low;
    if (limits)
      limit = cat("'", method.name, "', seed ", run.seed, view.upward ? ", rises to " : ", falls to ",
                  view.held_name, " ", view.upward ? own.high : own.low);
    if (bases) (view.upward ? own.low : own.high) = base_of(run)->*view.select_held;
    range = {std::max(range.low, own.low), std::min(range.high, own.high)};
  });
  return range;
}

std::vector<double> breakpoints(const Pair& pair, const View& view, const Span& range) {
  std::vector<double> levels{range.high};
  each_run(pair, [&](const Method&, const Curve& run) {
    for (const Checkpoint& checkpoint : run.checkpoints) {
      const double level = checkpoint.*view.select_held;
      if (level > range.low && level < range.high) levels.push_back(level);
    }
  });
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return levels;
}

Chosen choose(const Method& method, const View& view, const std::vector<double>& levels, double budget) {
  Chosen chosen;
  for (const double level : levels) {
    chosen.emplace_back();
    for (const Curve& run : method.runs) chosen.back().push_back(view.find(run, level, budget));
  }
  return chosen;
}

}  // namespace gamut::eval
