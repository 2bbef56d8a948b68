// SPDX-License-Identifier: Apache-2.0
// Pairs of methods at equal levels against brute force and the textbook's paired t test.
#include "gamut/eval/level_pairs.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::eval {
namespace level_pairs_test {

Checkpoint at(int64_t step, double x, double y) {
  return {.step = step,
          .seconds = 2.0 * double(step),
          .select_x = x,
          .select_y = y,
          .report_x = x + 0.01,
          .report_y = 2 * y};
}

Curve random_curve(Stream& stream, int64_t seed) {
  Curve run{.seed = seed};
  for (int64_t step = 0; step < 8; ++step)
    run.checkpoints.push_back(
        at(step, 0.6 + 0.05 * double(step) + 0.06 * stream.uniform(), stream.uniform()));
  return run;
}

// 20,000 points on each line.
std::optional<Checkpoint> by_brute_force(const Curve& run, double level, double budget) {
  std::optional<Checkpoint> best;
  for (size_t i = 1; i < run.checkpoints.size(); ++i)
    for (int k = 0; k <= 20000; ++k) {
      const Checkpoint &a = run.checkpoints[i - 1], &b = run.checkpoints[i];
      const double s = k / 20000.0;
      const auto mix = [&](double Checkpoint::*field) { return a.*field + s * (b.*field - a.*field); };
      Checkpoint point{.seconds = mix(&Checkpoint::seconds),
                       .select_x = mix(&Checkpoint::select_x),
                       .select_y = mix(&Checkpoint::select_y),
                       .report_x = mix(&Checkpoint::report_x),
                       .report_y = mix(&Checkpoint::report_y)};
      if (point.select_x < level || point.seconds > budget) continue;
      if (!best || point.select_y > best->select_y) best = point;
    }
  return best;
}

TEST(level_pairs, attained_is_the_best_point_of_all_lines) {
  Stream stream(1, "test.attained");
  for (int64_t seed = 0; seed < 20; ++seed) {
    const Curve run = random_curve(stream, seed);
    for (const double level : {0.65, 0.8, 0.93, 1.2})
      for (const double budget : {kNoBudget, 9.0, 3.3}) {
        const auto expected = by_brute_force(run, level, budget), got = attained(run, level, budget);
        ASSERT_EQ(got.has_value(), expected.has_value()) << level << " " << budget;
        if (!got) continue;
        EXPECT_GE(got->select_x, level);
        EXPECT_NEAR(got->select_y, expected->select_y, 1e-3);
        EXPECT_NEAR(got->report_y, expected->report_y, 2e-3);
        EXPECT_GE(got->select_y, expected->select_y - 1e-12);
      }
  }
}

// Between two checkpoints the frontier is the line itself.
TEST(level_pairs, attained_meets_the_level_on_the_line) {
  const Curve run{.seed = 1, .checkpoints = {at(0, 0.6, 0.4), at(10, 1.0, 0.2)}};
  const Checkpoint point = attained(run, 0.9).value();
  EXPECT_DOUBLE_EQ(point.select_x, 0.9);
  EXPECT_NEAR(point.select_y, 0.25, 1e-12);
  EXPECT_NEAR(point.report_x, 0.91, 1e-12);
  EXPECT_NEAR(point.report_y, 0.5, 1e-12);
  EXPECT_NEAR(point.seconds, 15, 1e-12);
  EXPECT_FALSE(attained(run, 0.9, 14.9));
  EXPECT_NEAR(attained(run, 0.5).value().select_y, 0.4, 1e-12);
}

// t quantiles of tables: 7 degrees of freedom, 0.025: 2.364624; 0.025 / 3: 3.127552 (scipy.stats.t.isf).
TEST(level_pairs, differences_are_the_paired_t_test) {
  const std::vector<int64_t> seeds{11, 12, 13, 14, 15, 16, 17, 18};
  const std::vector<double> a{3.1, 2.9, 3.4, 3.0, 3.3, 2.8, 3.2, 3.5},
      b{2.9, 3.0, 3.0, 2.8, 3.1, 2.7, 2.9, 3.1};
  double mean = 0, squares = 0;
  for (size_t i = 0; i < 8; ++i) mean += (a[i] - b[i]) / 8;
  for (size_t i = 0; i < 8; ++i) squares += std::pow(a[i] - b[i] - mean, 2);
  const double error = std::sqrt(squares / 7 / 8);
  for (const auto& [pairs, quantile] :
       std::vector<std::pair<size_t, double>>{{1, 2.364624251}, {3, 3.127552}}) {
    const PairAtLevel pair = compare_pair({seeds, a}, {seeds, b}, 0.95, pairs, true);
    EXPECT_FALSE(pair.is_ratio);
    EXPECT_TRUE(pair.paired);
    EXPECT_NEAR(pair.change->value, mean, 1e-12);
    EXPECT_NEAR(*pair.change->low, mean - quantile * error, 1e-5);
    EXPECT_NEAR(*pair.change->high, mean + quantile * error, 1e-5);
    EXPECT_TRUE(pair.found());
  }
}

// By leaving out one seed after another, as the jackknife is defined.
TEST(level_pairs, ratios_are_those_of_means_with_an_interval_of_the_logarithm) {
  const std::vector<double> a{0.30, 0.24, 0.27, 0.33}, b{0.10, 0.13, 0.09, 0.12};
  const auto log_ratio = [&](int left_out) {
    double m = 0, n = 0;
    for (int i = 0; i < 4; ++i)
      if (i != left_out) {
        m += a[size_t(i)];
        n += b[size_t(i)];
      }
    return std::log(m / n);
  };
  double mean = 0, squares = 0;
  for (int i = 0; i < 4; ++i) mean += log_ratio(i) / 4;
  for (int i = 0; i < 4; ++i) squares += std::pow(log_ratio(i) - mean, 2);
  const double error = std::sqrt(0.75 * squares), reach = 3.182446305 * error;  // t of 3 degrees, 0.025
  const PairAtLevel pair = compare_pair({{1, 2, 3, 4}, a}, {{1, 2, 3, 4}, b}, 0.95, 1);
  EXPECT_TRUE(pair.is_ratio);
  EXPECT_NEAR(pair.change->value, std::exp(log_ratio(-1)) - 1, 1e-12);
  EXPECT_NEAR(*pair.change->low, std::exp(log_ratio(-1) - reach) - 1, 1e-7);
  EXPECT_NEAR(*pair.change->high, std::exp(log_ratio(-1) + reach) - 1, 1e-7);
}

Method method(const std::string& name, int64_t seeds, double keep, Stream& stream) {
  Method out{.name = name};
  for (int64_t seed = 1; seed <= seeds; ++seed) {
    const double own = keep + 0.02 * stream.normal();
    out.runs.push_back(
        {.seed = seed, .checkpoints = {at(0, 0.6, 0.4), at(5, 0.9, own), at(10, 0.94, own / 2)}});
  }
  return out;
}

TEST(level_pairs, tables_hold_every_pair_once_and_no_mean_of_the_lucky) {
  Stream stream(3, "test.pairs");
  std::vector<Method> methods{method("a", 6, 0.3, stream), method("b", 6, 0.1, stream),
                              method("c", 6, 0.3, stream)};
  methods[2].runs[4].checkpoints.back() = at(10, 0.91, 0.1);  // one seed of c never comes to 0.93
  const std::vector<LevelTable> tables = level_tables(methods, {.levels = {0.85, 0.93}});
  ASSERT_EQ(tables.size(), 3u);
  EXPECT_FALSE(tables.back().level);  // the ends
  ASSERT_EQ(tables[0].pairs.size(), 3u);
  EXPECT_EQ(tables[0].pairs[1].first, "a");
  EXPECT_EQ(tables[0].pairs[1].second, "c");
  EXPECT_TRUE(tables[0].pairs[0].found());
  EXPECT_FALSE(tables[0].pairs[1].found());
  EXPECT_EQ(tables[1].methods[2].reached, 5);
  EXPECT_FALSE(tables[1].methods[2].y);
  EXPECT_FALSE(tables[1].pairs[1].change);
  EXPECT_TRUE(tables[1].pairs[0].change);
  EXPECT_TRUE(tables[2].pairs[1].change);
  EXPECT_EQ(shortest_time(methods), 20);
}

// Eight methods that are one and the same: how often any of the 28 pairs of a level is found.
TEST(level_pairs, all_pairs_together_err_as_seldom_as_promised) {
  int wrong = 0;
  constexpr int kTables = 200;
  for (int64_t table = 0; table < kTables; ++table) {
    std::vector<SeedValues> all;
    for (int64_t m = 0; m < 8; ++m) {
      Stream stream(7, "test.family", {table, m});
      all.push_back({{1, 2, 3, 4, 5, 6, 7, 8}, {}});
      for (int64_t seed = 0; seed < 8; ++seed) all.back().values.push_back(1 + 0.1 * stream.normal());
    }
    bool any = false;
    for (size_t i = 0; i < 8; ++i)
      for (size_t j = i + 1; j < 8; ++j) any = any || compare_pair(all[i], all[j], 0.95, 28).found();
    wrong += any;
  }
  EXPECT_LE(wrong, 20);  // 5 % of 200 is 10; pairs share their methods, so fewer
  EXPECT_GE(wrong, 1);
}

}  // namespace level_pairs_test
}  // namespace gamut::eval
