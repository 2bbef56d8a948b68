// SPDX-License-Identifier: Apache-2.0
// The comparisons that frontier.h declares.
#include "gamut/core/error.h"
#include "gamut/eval/matched_levels.h"

#include <algorithm>
#include <cmath>

namespace gamut::eval {
namespace {

// Runs in the order of their seeds, so that equal positions are equal seeds.
Method by_seed(Method method) {
  if (method.runs.empty()) throw DataError("frontier", cat("method '", method.name, "' has no run"));
  for (const Curve& run : method.runs)
    if (run.checkpoints.empty())
      throw DataError("frontier",
                      cat("method '", method.name, "', seed ", run.seed, " has no evaluated checkpoint"));
  std::sort(method.runs.begin(), method.runs.end(),
            [](const Curve& a, const Curve& b) { return a.seed < b.seed; });
  return method;
}

std::vector<int64_t> seeds_of(const Method& method) {
  std::vector<int64_t> seeds;
  for (const Curve& run : method.runs) seeds.push_back(run.seed);
  return seeds;
}

double mean(const std::vector<const Checkpoint*>& runs, Positions positions, Field field) {
  double sum = 0;
  for (const size_t position : positions) sum += runs[position]->*field;
  return sum / double(positions.size());
}

double mean(const std::vector<const Checkpoint*>& runs, Field field) {
  double sum = 0;
  for (const Checkpoint* run : runs) sum += run->*field;
  return sum / double(runs.size());
}

// Chosen checkpoints at levels that all runs reach, with the share of each level in the average.
struct Ground {
  Chosen method, baseline;
  std::vector<double> shares = {};  // sum to 1
  double base = 0;                  // the base's compared value; used when levels lie below it
};

// Equal reward: ratio - 1. Equal diversity: difference in units of the base's reward.
SeedStatistic change_over(const Ground& ground, const View& view) {
  return [&ground, &view](Positions method, Positions baseline) {
    double sum = 0;
    for (size_t i = 0; i < ground.shares.size(); ++i) {
      const double m = mean(ground.method[i], method, view.report_wanted),
                   b = mean(ground.baseline[i], baseline, view.report_wanted);
      sum += ground.shares[i] * (view.upward ? m / b - 1 : (m - b) / ground.base);
    }
    return sum;
  };
}

SeedStatistic difference_over(const Ground& ground, const View& view, double width) {
  return [&ground, &view, width](Positions method, Positions baseline) {
    double sum = 0;
    for (size_t i = 0; i < ground.shares.size(); ++i) {
      const double m = mean(ground.method[i], method, view.report_wanted),
                   b = mean(ground.baseline[i], baseline, view.report_wanted);
      sum += ground.shares[i] * width * (m - b);
    }
    return sum;
  };
}

// A ratio needs positive numbers below it.
bool divisible(const Ground& ground, const View& view) {
  if (!view.upward) return ground.base > 0;
  return std::all_of(ground.baseline.begin(), ground.baseline.end(), [&](const auto& runs) {
    return std::all_of(runs.begin(), runs.end(),
                       [&](const Checkpoint* run) { return run->*view.report_wanted > 0; });
  });
}

Estimate estimate(const SeedStatistic& statistic, const Pair& pair, const CompareOptions& options) {
  return seed_interval(statistic, pair.method.runs.size(), pair.baseline.runs.size(), pair.paired,
                       options.bootstrap);
}

// The interval of a ratio is that of its logarithm: never below -100 %, and fair to both directions.
Estimate estimate_change(const Ground& ground, const View& view, const Pair& pair,
                         const CompareOptions& options) {
  const SeedStatistic change = change_over(ground, view);
  if (!view.upward) return estimate(change, pair, options);
  Estimate out = estimate([&](Positions m, Positions b) { return std::log1p(change(m, b)); }, pair, options);
  out.value = std::expm1(out.value);
  for (std::optional<double>* end : {&out.low, &out.high})
    if (*end) *end = std::expm1(**end);
  return out;
}

double shown(double value, double base, const View& view) {
  return view.upward ? value : (value - base) / base;
}

AtLevel at_level(const Pair& pair, const View& view, double level, double base,
                 const CompareOptions& options) {
  AtLevel out{.level = level};
  const Ground ground{choose(pair.method, view, {level}, pair.budget),
                      choose(pair.baseline, view, {level}, pair.budget),
                      {1.0},
                      base};
  auto reached = [](const auto& runs) {
    return int64_t(runs.size()) - std::count(runs.begin(), runs.end(), nullptr);
  };
  out.method_reached = reached(ground.method[0]);
  out.baseline_reached = reached(ground.baseline[0]);
  auto fill = [&](const Method& method, const auto& runs, int64_t count, auto& value, auto& held) {
    if (count < int64_t(method.runs.size())) return false;
    value = shown(mean(runs, view.report_wanted), base, view);
    held = mean(runs, view.report_held);
    return true;
  };
  const bool method = fill(pair.method, ground.method[0], out.method_reached, out.method, out.method_level),
             baseline = fill(pair.baseline, ground.baseline[0], out.baseline_reached, out.baseline,
                             out.baseline_level);
  if (method && baseline && divisible(ground, view))
    out.change = estimate_change(ground, view, pair, options);
  return out;
}

void average_over(const Pair& pair, const View& view, const Span& range, double base,
                  const CompareOptions& options, Matched& out) {
  const std::vector<double> levels = breakpoints(pair, view, range);
  Ground ground{choose(pair.method, view, levels, pair.budget),
                choose(pair.baseline, view, levels, pair.budget),
                {},
                base};
  const double width = range.high - range.low;
  double method = 0, baseline = 0;
  for (size_t i = 0; i < levels.size(); ++i) {
    ground.shares.push_back((levels[i] - (i == 0 ? range.low : levels[i - 1])) / width);
    method += ground.shares[i] * mean(ground.method[i], view.report_wanted);
    baseline += ground.shares[i] * mean(ground.baseline[i], view.report_wanted);
  }
  out.range = range;
  out.method = shown(method, base, view);
  out.baseline = shown(baseline, base, view);
  out.area = estimate(difference_over(ground, view, width), pair, options);
  if (divisible(ground, view))
    out.change = estimate_change(ground, view, pair, options);
  else
    out.reason = cat("the ", view.upward ? "baseline's diversity" : "base's reward",
                     " is not above 0, so a relative change has no meaning");
}

Matched compare_by(const Pair& pair, const View& view, const CompareOptions& options) {
  Matched out;
  const bool bases = has_bases(pair);
  if (!view.upward && !bases) {
    out.reason = "a run has no evaluation of the base (step 0)";
    return out;
  }
  const double base = bases ? base_mean(pair, view.report_wanted) : 0;
  std::vector<double> levels = options.levels;
  if (!view.upward) {
    levels.clear();
    for (const double share : options.kept_shares)
      levels.push_back(share * base_mean(pair, view.select_held));
  }
  for (const double level : levels) out.levels.push_back(at_level(pair, view, level, base, options));
  std::string limit;
  const Span range = common_range(pair, view, limit);
  if (range.low < range.high)
    average_over(pair, view, range, base, options, out);
  else
    out.reason =
        cat("the ranges of ", view.held_name, " do not overlap: ", limit,
            bases ? ", the base has " : ", another starts at ", view.upward ? range.low : range.high);
  return out;
}

}  // namespace

Comparison compare_methods(const Method& method, const Method& baseline, const CompareOptions& options,
                           double budget) {
  const Method first = by_seed(method), second = by_seed(baseline);
  Comparison out{.method = method.name,
                 .baseline = baseline.name,
                 .method_seeds = seeds_of(first),
                 .baseline_seeds = seeds_of(second),
                 .budget = {},
                 .diversity = {},
                 .reward = {}};
  out.paired = out.method_seeds == out.baseline_seeds;
  if (budget < kNoBudget) out.budget = budget;
  const Pair pair{first, second, out.paired, budget};
  out.diversity = compare_by(pair, kEqualReward, options);
  out.reward = compare_by(pair, kEqualDiversity, options);
  return out;
}

std::optional<Comparison> compare_at_equal_time(const Method& method, const Method& baseline,
                                                const CompareOptions& options) {
  double budget = kNoBudget;
  bool known = true;
  for (const Method* each : {&method, &baseline})
    for (const Curve& run : each->runs) {
      double longest = 0;
      for (const Checkpoint& checkpoint : run.checkpoints) {
        known = known && std::isfinite(checkpoint.seconds);
        longest = std::max(longest, checkpoint.seconds);
      }
      budget = std::min(budget, longest);
    }
  if (!known) return std::nullopt;
  return compare_methods(method, baseline, options, budget);
}

}  // namespace gamut::eval
