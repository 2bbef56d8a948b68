// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/family_ranks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gamut::eval {
namespace family_ranks_test {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST(family_ranks, ties_share_and_what_is_missing_comes_last) {
  EXPECT_EQ(ranks_of({3, 5, 3, 1}), (std::vector<double>{2.5, 1, 2.5, 4}));
  EXPECT_EQ(ranks_of({kNone, 5, kNone}), (std::vector<double>{2.5, 1, 2.5}));
  EXPECT_EQ(ranks_of({-1, kNone}), (std::vector<double>{1, 2}));
}

// Two measures of one family and one of another, two seeds, by hand.
TEST(family_ranks, families_count_alike_however_many_measures_they_have) {
  const std::vector<RankedMeasure> measures{{"face", "form", {{5, 5}, {4, 6}, {3, 3}}},
                                            {"style", "form", {{2, 2}, {3, 3}, {1, 1}}},
                                            {"recall", "recall", {{0.5, 0.5}, {0.4, 0.4}, {0.9, 0.1}}}};
  const FamilyRanks found = family_ranks({"a", "b", "c"}, {1, 2}, measures);
  EXPECT_EQ(found.families, (std::vector<std::string>{"form", "recall"}));
  // a: face 1, 2; style 2, 2; recall 2, 1. b: face 2, 1; style 1, 1; recall 3, 2. c: 3 throughout; recall
  // 1, 3.
  EXPECT_DOUBLE_EQ(found.ranks[0][0], 1.75);
  EXPECT_DOUBLE_EQ(found.ranks[0][1], 1.5);
  EXPECT_DOUBLE_EQ(found.ranks[1][0], 1.25);
  EXPECT_DOUBLE_EQ(found.ranks[1][1], 2.5);
  EXPECT_DOUBLE_EQ(found.ranks[2][0], 3);
  EXPECT_DOUBLE_EQ(found.ranks[2][1], 2);
  EXPECT_DOUBLE_EQ(found.headline[0], 1.625);
  EXPECT_DOUBLE_EQ(found.headline[1], 1.875);
  EXPECT_DOUBLE_EQ(found.headline[2], 2.5);
  ASSERT_EQ(found.pairs.size(), 3u);
  // a minus b per seed: (1.5 + 2) / 2 - (1.5 + 3) / 2 = -0.5, (2 + 1) / 2 - (1 + 2) / 2 = 0.
  EXPECT_FALSE(found.pairs[0].is_ratio);
  EXPECT_NEAR(found.pairs[0].change->value, -0.25, 1e-12);
  EXPECT_FALSE(found.pairs[0].found());
}

}  // namespace family_ranks_test
}  // namespace gamut::eval
