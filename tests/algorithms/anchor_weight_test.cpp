// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/anchor_weight.h"

#include "gamut/core/error.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace gamut::algorithms {
namespace anchor_weight_test {

RegularizerConfig following(double share, double rate = 1, double range = 16) {
  return {.kind = "kl_x0", .weight = 2, .kept_share = share, .kept_rate = rate, .kept_range = range};
}

TEST(anchor_weight, is_the_product_of_exponentials_of_what_is_missing) {
  AnchorWeight weight(following(0.95, 2));
  EXPECT_EQ(weight.factor(), 1);
  EXPECT_FALSE(weight.kept());
  double smoothed = 0.9, log_factor = 0;
  for (const double kept : {0.9, 0.7, 1.1}) {
    weight.observe(kept);
    if (kept != 0.9) smoothed = 0.8 * smoothed + 0.2 * kept;
    log_factor += 2 * (0.95 - smoothed);
    EXPECT_NEAR(weight.factor(), std::exp(log_factor), 1e-12);
    EXPECT_NEAR(*weight.kept(), smoothed, 1e-12);
  }
}

// Variety that answers to the weight, k = w / (1 + w): the fixed point is where k equals the share.
TEST(anchor_weight, settles_where_the_share_is_kept) {
  AnchorWeight weight(following(0.8));
  for (int i = 0; i < 400; ++i) weight.observe(weight.factor() / (1 + weight.factor()));
  EXPECT_NEAR(weight.factor(), 4, 1e-6);
  EXPECT_NEAR(*weight.kept(), 0.8, 1e-6);
}

TEST(anchor_weight, stays_within_its_range) {
  AnchorWeight high(following(0.9, 5, 3)), low(following(0.5, 5, 3));
  for (int i = 0; i < 50; ++i) {
    high.observe(0);
    low.observe(2);
  }
  EXPECT_DOUBLE_EQ(high.factor(), 3);
  EXPECT_DOUBLE_EQ(low.factor(), 1.0 / 3);
}

TEST(anchor_weight, goes_on_from_its_state) {
  AnchorWeight one(following(0.95)), two(following(0.95));
  two.load_state(one.state());  // nothing seen yet
  one.observe(0.4);
  two.observe(0.4);
  AnchorWeight three(following(0.95));
  three.load_state(nlohmann::json::parse(two.state().dump()));
  three.observe(0.6);
  one.observe(0.6);
  EXPECT_EQ(one.factor(), three.factor());
  EXPECT_EQ(one.kept(), three.kept());
  EXPECT_THROW(three.load_state({{"factor", 1e9}, {"kept", 1}}), DataError);
  EXPECT_THROW(three.load_state({{"factor", 1}, {"kept", -1}}), DataError);
}

}  // namespace anchor_weight_test
}  // namespace gamut::algorithms
