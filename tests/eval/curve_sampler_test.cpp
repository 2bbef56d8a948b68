// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/curve_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gamut::eval {
namespace curve_sampler_test {

TEST(curve_sampler, keeps_short_series_as_they_are) {
  CurveSampler sampler(50);
  for (int64_t step = 1; step <= 99; ++step)
    sampler.add(step, 2.0 * double(step), {{"a", double(step * step)}});
  const ReportCurves curves = sampler.curves();
  ASSERT_EQ(curves.steps.size(), 99u);
  for (size_t i = 0; i < 99; ++i) {
    EXPECT_EQ(curves.steps[i], int64_t(i) + 1);
    EXPECT_EQ(curves.seconds[i], 2.0 * double(i + 1));
    EXPECT_EQ(curves.values.at("a")[i], double((i + 1) * (i + 1)));
  }
}

// The mean over all rows is that of the buckets, weighted by their rows; every bucket but the last is full.
TEST(curve_sampler, thins_a_hundred_thousand_rows) {
  CurveSampler sampler(200);
  double sum = 0;
  for (int64_t step = 1; step <= 100000; ++step) {
    const double value = std::sin(double(step) * 0.37) + double(step) / 1e5;
    sum += value;
    sampler.add(step, double(step), {{"a", value}});
  }
  const ReportCurves curves = sampler.curves();
  EXPECT_GE(curves.steps.size(), 150u);
  EXPECT_LT(curves.steps.size(), 400u);
  EXPECT_EQ(curves.steps.back(), 100000);
  double weighted = 0;
  int64_t before = 0;
  for (size_t i = 0; i < curves.steps.size(); ++i) {
    weighted += curves.values.at("a")[i] * double(curves.steps[i] - before);
    before = curves.steps[i];
  }
  EXPECT_NEAR(weighted, sum, 1e-6);
}

TEST(curve_sampler, never_hides_the_largest_ratio_deviation) {
  CurveSampler sampler(10);
  for (int64_t step = 1; step <= 5000; ++step)
    sampler.add(step, 0,
                {{"ratio_max_deviation", step == 3210 ? 0.25 : 0.0}, {"kl", step == 3210 ? 0.25 : 0.0}});
  const ReportCurves curves = sampler.curves();
  const auto& ratio = curves.values.at("ratio_max_deviation");
  EXPECT_EQ(*std::max_element(ratio.begin(), ratio.end()), 0.25);
  const auto& kl = curves.values.at("kl");
  EXPECT_LT(*std::max_element(kl.begin(), kl.end()), 0.01);
}

TEST(curve_sampler, leaves_gaps_where_a_value_is_missing) {
  CurveSampler sampler(10);
  sampler.add(1, 0, {{"a", 1.0}});
  sampler.add(2, 0, {{"b", 2.0}});
  sampler.add(3, 0, {{"a", std::nan("")}, {"b", 4.0}});
  const ReportCurves curves = sampler.curves();
  EXPECT_EQ(curves.values.at("a")[0], 1);
  EXPECT_TRUE(std::isnan(curves.values.at("a")[1]) && std::isnan(curves.values.at("a")[2]));
  EXPECT_TRUE(std::isnan(curves.values.at("b")[0]));
  EXPECT_EQ(curves.values.at("b")[2], 4);
}

TEST(curve_sampler, nothing_gives_nothing) { EXPECT_TRUE(CurveSampler(10).curves().steps.empty()); }

}  // namespace curve_sampler_test
}  // namespace gamut::eval
