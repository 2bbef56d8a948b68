// SPDX-License-Identifier: Apache-2.0
// Curves whose comparison follows by hand, brute force, and two methods that are the same up to noise.
#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/eval/frontier.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gamut::eval {
namespace frontier_test {

Checkpoint at(int64_t step, double x, double y) {
  return {.step = step, .seconds = double(step), .select_x = x, .select_y = y, .report_x = x, .report_y = y};
}

Curve curve(int64_t seed, const std::vector<std::pair<double, double>>& points) {
  Curve run{.seed = seed};
  for (size_t i = 0; i < points.size(); ++i)
    run.checkpoints.push_back(at(int64_t(i), points[i].first, points[i].second));
  return run;
}

Curve noisy(Stream& stream, int64_t seed, size_t count, double keep) {
  Curve run{.seed = seed};
  const double pace = 0.8 + 0.4 * stream.uniform();
  for (size_t i = 0; i < count; ++i) {
    const double done = i == 0 ? 0 : 1 - std::exp(-pace * double(i) / 2);
    Checkpoint checkpoint = at(int64_t(i), 0.6 + 0.3 * done, 1 - (1 - keep) * done);
    if (i > 0)
      for (double* value :
           {&checkpoint.select_x, &checkpoint.select_y, &checkpoint.report_x, &checkpoint.report_y})
        *value += 0.01 * stream.normal();
    run.checkpoints.push_back(checkpoint);
  }
  return run;
}

Method noisy_method(const std::string& name, int64_t key, int64_t seeds, double keep) {
  Method method{.name = name};
  Stream stream(11, "test.frontier." + name, {key});
  for (int64_t seed = 1; seed <= seeds; ++seed) method.runs.push_back(noisy(stream, seed, 6, keep));
  return method;
}

// Two straight frontiers y = 1 - x and y = 1 - x / 2 over x in [0, 0.8], each known at its ends and the
// second at its middle: in steps the first is 0.2 everywhere, on lines the mean ratio is the integral of (1 -
// x / 2) / (1 - x).
TEST(frontier, lines_between_checkpoints_end_the_reward_of_a_coarse_grid) {
  const Method steep{.name = "steep", .runs = {curve(1, {{0, 1}, {0.8, 0.2}})}};
  const Method flat{.name = "flat", .runs = {curve(1, {{0, 1}, {0.4, 0.8}, {0.8, 0.6}})}};
  EXPECT_NEAR(compare_methods(flat, steep).diversity.change.value().value, (0.8 / 0.2 + 0.6 / 0.2) / 2 - 1,
              1e-12);
  const double exact = (0.8 / 2 + std::log(1 / 0.2) / 2) / 0.8 - 1;
  const Comparison lines = compare_methods(interpolated(flat, 500), interpolated(steep, 1000));
  EXPECT_NEAR(lines.diversity.change.value().value, exact, 2e-3);
  EXPECT_EQ(interpolated(steep, 3).runs[0].checkpoints.size(), 5u);
  EXPECT_DOUBLE_EQ(interpolated(steep, 3).runs[0].checkpoints[1].report_y, 0.8);
}

TEST(frontier, the_best_checkpoint_of_random_runs_is_that_of_brute_force) {
  for (int64_t trial = 0; trial < 200; ++trial) {
    Stream stream(3, "test.brute", {trial});
    Curve run;
    for (int64_t i = 0; i < 12; ++i)  // coarse values make ties
      run.checkpoints.push_back(at(i, double(stream.below(6)), double(stream.below(6))));
    for (double level = -1; level < 7; level += 0.5) {
      double best = -1;
      for (const Checkpoint& c : run.checkpoints)
        if (c.select_x >= level) best = std::max(best, c.select_y);
      const Checkpoint* found = best_y(run, level);
      ASSERT_EQ(found != nullptr, best >= 0);
      if (!found) continue;
      EXPECT_GE(found->select_x, level);
      EXPECT_EQ(found->select_y, best);
      for (const Checkpoint& c : run.checkpoints) {
        if (c.select_y != best || c.select_x < level) continue;
        EXPECT_LE(std::pair(-found->select_x, found->step), std::pair(-c.select_x, c.step));
      }
    }
  }
}

TEST(frontier, pareto_holds_what_nothing_dominates) {
  for (int64_t trial = 0; trial < 200; ++trial) {
    Stream stream(4, "test.pareto", {trial});
    Curve run;
    for (int64_t i = 0; i < 10; ++i)
      run.checkpoints.push_back(at(i, double(stream.below(5)), double(stream.below(5))));
    const std::vector<size_t> kept = pareto(run);
    for (size_t i = 1; i < kept.size(); ++i) {  // strictly up in x, strictly down in y
      EXPECT_LT(run.checkpoints[kept[i - 1]].select_x, run.checkpoints[kept[i]].select_x);
      EXPECT_GT(run.checkpoints[kept[i - 1]].select_y, run.checkpoints[kept[i]].select_y);
    }
    for (const Checkpoint& c : run.checkpoints)
      EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [&](size_t k) {
        return run.checkpoints[k].select_x >= c.select_x && run.checkpoints[k].select_y >= c.select_y;
      }));
  }
}

TEST(frontier, a_budget_leaves_later_checkpoints_out) {
  const Curve run = curve(1, {{0, 1}, {1, 0.5}, {2, 0.9}});
  EXPECT_EQ(best_y(run, 1)->step, 2);
  EXPECT_EQ(best_y(run, 1, 1.5)->step, 1);
  EXPECT_EQ(best_y(run, 1, 0.5), nullptr);
  EXPECT_EQ(best_x(run, 0.9, 0.5)->step, 0);
}

// Base (0.5, 1). The method keeps 0.8 all the way to 0.9; the baseline 0.5 to 0.7 and 0.4 to 0.9.
TEST(frontier, known_curves_have_the_known_answer) {
  const Method method{"kept", {curve(1, {{0.5, 1}, {0.9, 0.8}})}},
      baseline{"lost", {curve(1, {{0.5, 1}, {0.7, 0.5}, {0.9, 0.4}})}};
  const Comparison got =
      compare_methods(method, baseline, {.levels = {0.6, 0.9, 0.95}, .kept_shares = {0.8, 0.45}});
  EXPECT_TRUE(got.paired);
  ASSERT_TRUE(got.diversity.range);
  EXPECT_EQ(got.diversity.range->low, 0.5);
  EXPECT_EQ(got.diversity.range->high, 0.9);
  // Half of the levels at 0.8 / 0.5, half at 0.8 / 0.4.
  EXPECT_NEAR(got.diversity.change->value, 0.5 * 0.6 + 0.5 * 1.0, 1e-12);
  EXPECT_NEAR(got.diversity.area->value, 0.2 * 0.3 + 0.2 * 0.4, 1e-12);
  EXPECT_NEAR(*got.diversity.method, 0.8, 1e-12);
  EXPECT_NEAR(*got.diversity.baseline, 0.45, 1e-12);
  EXPECT_FALSE(got.diversity.change->low);  // one seed

  EXPECT_NEAR(got.diversity.levels[0].change->value, 0.6, 1e-12);
  EXPECT_NEAR(*got.diversity.levels[0].method_level, 0.9, 1e-12);
  EXPECT_NEAR(*got.diversity.levels[0].baseline_level, 0.7, 1e-12);
  EXPECT_NEAR(got.diversity.levels[1].change->value, 1.0, 1e-12);
  EXPECT_EQ(got.diversity.levels[2].method_reached, 0);  // nobody has 0.95
  EXPECT_FALSE(got.diversity.levels[2].change || got.diversity.levels[2].method);

  // Diversities from 0.8 (the method's least) to 1: the method has 0.9 there up to 0.8 only, above it the
  // base.
  ASSERT_TRUE(got.reward.range);
  EXPECT_EQ(got.reward.range->low, 0.8);
  EXPECT_EQ(got.reward.range->high, 1);
  EXPECT_NEAR(got.reward.change->value, 0, 1e-12);
  EXPECT_NEAR(*got.reward.levels[0].method, 0.8, 1e-12);  // (0.9 - 0.5) / 0.5 at diversity 0.8
  EXPECT_NEAR(*got.reward.levels[0].baseline, 0, 1e-12);
  EXPECT_NEAR(got.reward.levels[0].change->value, 0.8, 1e-12);
  EXPECT_NEAR(got.reward.levels[1].change->value, 0.4, 1e-12);  // 0.9 against 0.7
}

// The average over levels is the integral: brute force on a fine grid agrees.
TEST(frontier, averages_over_levels_are_integrals) {
  const Method method = noisy_method("one", 1, 3, 0.7), baseline = noisy_method("two", 2, 3, 0.4);
  const Comparison got = compare_methods(method, baseline, {.bootstrap = {.resamples = 10}});
  ASSERT_TRUE(got.diversity.range && got.reward.range);
  constexpr int kGrid = 200000;
  double gain = 0, area = 0, reward = 0;
  for (int i = 0; i < kGrid; ++i) {
    const double place = (i + 0.5) / kGrid;
    auto level = [&](const Span& range) { return range.low + place * (range.high - range.low); };
    double m = 0, b = 0, mx = 0, bx = 0;
    for (size_t s = 0; s < 3; ++s) {
      m += best_y(method.runs[s], level(*got.diversity.range))->report_y / 3;
      b += best_y(baseline.runs[s], level(*got.diversity.range))->report_y / 3;
      mx += best_x(method.runs[s], level(*got.reward.range))->report_x / 3;
      bx += best_x(baseline.runs[s], level(*got.reward.range))->report_x / 3;
    }
    gain += (m / b - 1) / kGrid;
    area += (m - b) / kGrid * (got.diversity.range->high - got.diversity.range->low);
    reward += (mx - bx) / 0.6 / kGrid;  // the base's reward is 0.6
  }
  EXPECT_NEAR(got.diversity.change->value, gain, 1e-4);
  EXPECT_NEAR(got.diversity.area->value, area, 1e-4);
  EXPECT_NEAR(got.reward.change->value, reward, 1e-4);
}

// The checkpoint with the best choosing number is not the one with the best reported number.
TEST(frontier, chosen_on_one_set_and_reported_on_another) {
  Method method{"m", {curve(1, {{0, 1}, {1, 0.6}, {1, 0.5}})}};
  method.runs[0].checkpoints[1].report_y = 0.4;
  method.runs[0].checkpoints[2].report_y = 0.9;
  const Method baseline{"b", {curve(1, {{0, 1}, {1, 0.2}})}};
  EXPECT_NEAR(compare_methods(method, baseline).diversity.change->value, 0.4 / 0.2 - 1, 1e-12);
}

TEST(frontier, ranges_that_do_not_overlap_give_no_number) {
  const Method method{"flat", {curve(1, {{0.5, 1}, {0.4, 0.9}}), curve(2, {{0.5, 1}, {0.45, 0.9}})}},
      baseline{"lost", {curve(1, {{0.5, 1}, {0.9, 0.4}}), curve(2, {{0.5, 1}, {0.9, 0.4}})}};
  const Comparison got = compare_methods(method, baseline);
  EXPECT_FALSE(got.diversity.range || got.diversity.change || got.diversity.area || got.diversity.method);
  EXPECT_EQ(got.diversity.reason,
            "the ranges of reward do not overlap: 'flat', seed 1, rises to reward 0.5, the base has 0.5");
}

// The level that only one of two seeds reaches has no mean: it would be the mean of the lucky.
TEST(frontier, a_level_needs_every_seed) {
  const Method method{"m", {curve(1, {{0.5, 1}, {0.9, 0.8}}), curve(2, {{0.5, 1}, {0.7, 0.8}})}},
      baseline{"b", {curve(1, {{0.5, 1}, {0.9, 0.4}}), curve(2, {{0.5, 1}, {0.9, 0.4}})}};
  const Comparison got = compare_methods(method, baseline, {.levels = {0.8}});
  EXPECT_EQ(got.diversity.range->high, 0.7);
  EXPECT_EQ(got.diversity.levels[0].method_reached, 1);
  EXPECT_EQ(got.diversity.levels[0].baseline_reached, 2);
  EXPECT_FALSE(got.diversity.levels[0].method || got.diversity.levels[0].change);
  EXPECT_TRUE(got.diversity.levels[0].baseline);
}

TEST(frontier, other_seeds_are_not_paired_and_order_does_not_matter) {
  Method method = noisy_method("one", 1, 5, 0.7), baseline = noisy_method("two", 2, 5, 0.4);
  const Comparison sorted = compare_methods(method, baseline);
  EXPECT_TRUE(sorted.paired);
  std::reverse(method.runs.begin(), method.runs.end());
  const Comparison reversed = compare_methods(method, baseline);
  EXPECT_TRUE(reversed.paired);
  EXPECT_EQ(reversed.diversity.change->low, sorted.diversity.change->low);
  method.runs[0].seed = 99;
  EXPECT_FALSE(compare_methods(method, baseline).paired);
}

TEST(frontier, equal_time_ends_with_the_shortest_run) {
  // The method's second checkpoint comes after the baseline ended.
  Method method{"slow", {curve(1, {{0.5, 1}, {0.6, 0.9}, {0.9, 0.8}})}};
  method.runs[0].checkpoints[1].seconds = 50;
  method.runs[0].checkpoints[2].seconds = 150;
  Method baseline{"fast", {curve(1, {{0.5, 1}, {0.9, 0.4}})}};
  baseline.runs[0].checkpoints[1].seconds = 100;
  const std::optional<Comparison> got = compare_at_equal_time(method, baseline);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->budget, 100);
  EXPECT_EQ(got->diversity.range->high, 0.6);
  EXPECT_NEAR(got->diversity.change->value, 0.9 / 0.4 - 1, 1e-12);
  baseline.runs[0].checkpoints[1].seconds = std::nan("");
  EXPECT_FALSE(compare_at_equal_time(method, baseline));
}

TEST(frontier, relative_numbers_need_something_above_zero) {
  const Method method{"m", {curve(1, {{0, 1}, {1, 0.5}})}}, baseline{"b", {curve(1, {{0, 1}, {1, 0}})}};
  const Comparison got = compare_methods(method, baseline);
  EXPECT_FALSE(got.diversity.change);
  EXPECT_EQ(got.diversity.reason,
            "the baseline's diversity is not above 0, so a relative change has no meaning");
  EXPECT_NEAR(got.diversity.area->value, 0.5, 1e-12);
  EXPECT_EQ(testing::message_of<DataError>([&] {
              compare_methods(method, {"b", {{.seed = 2}}});
            }),
            "[frontier] method 'b', seed 2 has no evaluated checkpoint");
}

// Two methods that are the same up to noise, five seeds, 200 repetitions: the 95 % interval excludes 0 in
// about 5 % of them (chance alone: 2 % to 9 %). Choosing and reporting on one noise would not hide here
// either, since both gain.
TEST(frontier, equal_methods_come_out_as_equal) {
  int64_t by_reward = 0, by_diversity = 0;
  for (int64_t repetition = 0; repetition < 200; ++repetition) {
    const Comparison got =
        compare_methods(noisy_method("left", repetition, 5, 0.5), noisy_method("right", repetition, 5, 0.5),
                        {.bootstrap = {.resamples = 300}});
    auto excludes = [](const std::optional<Estimate>& e) { return e && (*e->low > 0 || *e->high < 0); };
    by_reward += excludes(got.diversity.change);
    by_diversity += excludes(got.reward.change);
  }
  EXPECT_LE(by_reward, 20);
  EXPECT_GE(by_reward, 2);
  EXPECT_LE(by_diversity, 20);
  EXPECT_GE(by_diversity, 2);
}

// … and a real difference is found.
TEST(frontier, different_methods_come_out_as_different) {
  int64_t found = 0;
  for (int64_t repetition = 0; repetition < 20; ++repetition) {
    const Comparison got =
        compare_methods(noisy_method("left", repetition, 5, 0.8), noisy_method("right", repetition, 5, 0.4),
                        {.bootstrap = {.resamples = 300}});
    found += *got.diversity.change->low > 0;
  }
  EXPECT_GE(found, 19);
}

}  // namespace frontier_test
}  // namespace gamut::eval
