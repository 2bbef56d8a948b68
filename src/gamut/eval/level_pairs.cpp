// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/level_pairs.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace gamut::eval {
namespace {

double mean_at(const std::vector<double>& values, Positions positions) {
  double sum = 0;
  for (const size_t position : positions) sum += values[position];
  return sum / double(positions.size());
}

bool all_positive(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value > 0; });
}

std::vector<size_t> counted(size_t count) {
  std::vector<size_t> positions;
  for (size_t i = 0; i < count; ++i) positions.push_back(i);
  return positions;
}

std::optional<Checkpoint> end_of(const Curve& run, double budget) {
  const Checkpoint* last = nullptr;
  for (const Checkpoint& checkpoint : run.checkpoints)
    if ((budget == kNoBudget || checkpoint.seconds <= budget) && (!last || checkpoint.step > last->step))
      last = &checkpoint;
  return last ? std::optional(*last) : std::nullopt;
}

// Points of a method's runs at a level, by seed; absent where a run has none.
using Points = std::map<int64_t, std::optional<Checkpoint>>;

Points points_of(const Method& method, const std::optional<double>& level, double budget) {
  Points points;
  if (method.runs.empty()) throw DataError("frontier", cat("method '", method.name, "' has no run"));
  for (const Curve& run : method.runs)
    points[run.seed] = level ? attained(run, *level, budget) : end_of(run, budget);
  return points;
}

MethodAtLevel summary(const Method& method, const Points& points) {
  MethodAtLevel out{.method = method.name, .seeds = int64_t(points.size())};
  double x = 0, y = 0;
  for (const auto& [seed, point] : points)
    if (point) {
      ++out.reached;
      x += point->report_x / double(points.size());
      y += point->report_y / double(points.size());
    }
  if (out.reached < out.seeds) return out;
  out.x = x;
  out.y = y;
  return out;
}

SeedValues values_of(const Points& points) {
  SeedValues out;
  for (const auto& [seed, point] : points) {
    out.seeds.push_back(seed);
    out.values.push_back(point->report_y);
  }
  return out;
}

LevelTable table_at(const std::vector<Method>& methods, const std::optional<double>& level,
                    const LevelOptions& options) {
  LevelTable table{.level = level, .methods = {}, .pairs = {}};
  std::vector<Points> all;
  for (const Method& method : methods) {
    all.push_back(points_of(method, level, options.budget));
    table.methods.push_back(summary(method, all.back()));
  }
  const size_t pairs = methods.size() * (methods.size() - 1) / 2;
  for (size_t i = 0; i < methods.size(); ++i)
    for (size_t j = i + 1; j < methods.size(); ++j) {
      PairAtLevel pair;
      if (table.methods[i].y && table.methods[j].y)
        pair = compare_pair(values_of(all[i]), values_of(all[j]), options.confidence, pairs);
      pair.first = methods[i].name;
      pair.second = methods[j].name;
      table.pairs.push_back(pair);
    }
  return table;
}

}  // namespace

PairAtLevel compare_pair(const SeedValues& first, const SeedValues& second, double confidence, size_t pairs,
                         bool differences_only) {
  PairAtLevel out;
  out.paired = first.seeds == second.seeds;
  out.is_ratio = !differences_only && all_positive(first.values) && all_positive(second.values);
  const SeedStatistic statistic = [&](Positions m, Positions b) {
    const double above = mean_at(first.values, m), below = mean_at(second.values, b);
    return out.is_ratio ? std::log(above / below) : above - below;
  };
  const std::vector<size_t> m = counted(first.values.size()), b = counted(second.values.size());
  Estimate change{.value = statistic(m, b)};
  const size_t seeds = std::min(m.size(), b.size());
  if (seeds >= 2) {
    const double tail = (1 - confidence) / double(pairs) / 2,
                 reach = student_quantile(int64_t(seeds) - 1, tail) *
                         jackknife_error(statistic, m, b, out.paired);
    change.low = change.value - reach;
    change.high = change.value + reach;
  }
  if (out.is_ratio) {
    change.value = std::expm1(change.value);
    for (std::optional<double>* end : {&change.low, &change.high})
      if (*end) *end = std::expm1(**end);
  }
  out.change = change;
  return out;
}

std::vector<LevelTable> level_tables(const std::vector<Method>& methods, const LevelOptions& options) {
  std::vector<LevelTable> tables;
  for (const double level : options.levels) tables.push_back(table_at(methods, level, options));
  tables.push_back(table_at(methods, std::nullopt, options));
  return tables;
}

std::optional<double> shortest_time(const std::vector<Method>& methods) {
  double shortest = kNoBudget;
  for (const Method& method : methods)
    for (const Curve& run : method.runs) {
      double longest = 0;
      for (const Checkpoint& checkpoint : run.checkpoints) {
        if (!std::isfinite(checkpoint.seconds)) return std::nullopt;
        longest = std::max(longest, checkpoint.seconds);
      }
      shortest = std::min(shortest, longest);
    }
  return shortest;
}

}  // namespace gamut::eval
