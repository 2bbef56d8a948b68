// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/random.h"
#include "gamut/eval/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace gamut::eval {
namespace bootstrap_test {

double mean_at(const std::vector<double>& values, Positions positions) {
  double sum = 0;
  for (const size_t position : positions) sum += values[position];
  return sum / double(positions.size());
}

SeedStatistic difference(const std::vector<double>& method, const std::vector<double>& baseline) {
  return [&](Positions m, Positions b) { return mean_at(method, m) - mean_at(baseline, b); };
}

// scipy.stats.t.ppf(1 - tail, freedom), scipy 1.16.
TEST(bootstrap, student_quantiles_are_scipys) {
  const struct {
    int64_t freedom;
    double tail, quantile;
  } kExpected[] = {{1, 0.025, 12.706204736174694}, {2, 0.025, 4.302652729749464},
                   {3, 0.025, 3.1824463052837078}, {4, 0.025, 2.7764451051977934},
                   {5, 0.05, 2.015048373333024},   {9, 0.005, 3.2498355415921254},
                   {30, 0.1, 1.3104150253913947},  {31, 0.1, 1.3094635494946496}};
  for (const auto& expected : kExpected)
    EXPECT_NEAR(student_quantile(expected.freedom, expected.tail), expected.quantile, 1e-9)
        << expected.freedom;
}

// The jackknife of a mean is the textbook's s / sqrt(n).
TEST(bootstrap, jackknife_of_a_mean_is_its_standard_error) {
  const std::vector<double> method{1, 2, 4, 8}, none{0, 0, 0, 0}, baseline{3, 5, 4, 9};
  const std::vector<size_t> all{0, 1, 2, 3};
  const double variance = (2.75 * 2.75 + 1.75 * 1.75 + 0.25 * 0.25 + 4.25 * 4.25) / 3;
  EXPECT_NEAR(jackknife_error(difference(method, none), all, all, true), std::sqrt(variance / 4), 1e-12);
  // Unpaired variances add.
  const double other = (2.25 * 2.25 + 0.25 * 0.25 + 1.25 * 1.25 + 3.75 * 3.75) / 3;
  EXPECT_NEAR(jackknife_error(difference(method, baseline), all, all, false),
              std::sqrt((variance + other) / 4), 1e-12);
}

TEST(bootstrap, three_seeds_get_students_interval) {
  const std::vector<double> method{1, 2, 6}, baseline{0, 0, 0};
  const Estimate got = seed_interval(difference(method, baseline), 3, 3, true, {});
  const double error = std::sqrt((4.0 + 1 + 9) / 2 / 3);
  EXPECT_NEAR(got.value, 3, 1e-12);
  EXPECT_NEAR(*got.low, 3 - 4.302652729749464 * error, 1e-9);
  EXPECT_NEAR(*got.high, 3 + 4.302652729749464 * error, 1e-9);
}

TEST(bootstrap, one_seed_has_no_interval) {
  const std::vector<double> method{1}, baseline{0};
  const Estimate got = seed_interval(difference(method, baseline), 1, 1, true, {});
  EXPECT_EQ(got.value, 1);
  EXPECT_FALSE(got.low || got.high);
}

TEST(bootstrap, equal_options_give_equal_intervals) {
  const std::vector<double> method{1, 2.3, 6.7, 3.1, 2.55, 4.2, 3.9}, baseline{0, 1.2, 0.4, 2, 1.1, 0.3, 0.9};
  const Estimate one = seed_interval(difference(method, baseline), 7, 7, true, {}),
                 two = seed_interval(difference(method, baseline), 7, 7, true, {}),
                 other = seed_interval(difference(method, baseline), 7, 7, true, {.seed = 1});
  EXPECT_EQ(one.low, two.low);
  EXPECT_EQ(one.high, two.high);
  EXPECT_TRUE(one.low != other.low || one.high != other.high);
}

// What pairs share cancels: with it the interval is narrow, without it wide.
TEST(bootstrap, pairs_cancel_what_seeds_share) {
  const std::vector<double> shared{0, 10, 20, 30, 40}, noise{0.1, -0.2, 0.05, 0.15, -0.1};
  std::vector<double> method = shared;
  for (size_t i = 0; i < method.size(); ++i) method[i] += 1 + noise[i];
  const Estimate paired = seed_interval(difference(method, shared), 5, 5, true, {}),
                 unpaired = seed_interval(difference(method, shared), 5, 5, false, {});
  EXPECT_LT(*paired.high - *paired.low, 1);
  EXPECT_GT(*unpaired.high - *unpaired.low, 20);
}

// Share of 95 % intervals that miss the truth, 400 repetitions of normal differences: 5 % is exact, +- 1.1 %
// chance. docs/frontier.md quotes these.
TEST(bootstrap, intervals_miss_the_truth_at_about_the_stated_rate) {
  for (const size_t seeds : {3, 5, 8}) {
    int64_t missed = 0;
    for (int64_t repetition = 0; repetition < 400; ++repetition) {
      Stream stream(7, "test.coverage", {int64_t(seeds), repetition});
      std::vector<double> method(seeds), baseline(seeds);
      for (double& value : method) value = stream.normal();
      for (double& value : baseline) value = stream.normal();
      const Estimate got =
          seed_interval(difference(method, baseline), seeds, seeds, true, {.resamples = 400});
      missed += *got.low > 0 || *got.high < 0;
    }
    EXPECT_GE(missed, 8) << seeds << " seeds";   // 2 %
    EXPECT_LE(missed, 36) << seeds << " seeds";  // 9 %
  }
}

}  // namespace bootstrap_test
}  // namespace gamut::eval
