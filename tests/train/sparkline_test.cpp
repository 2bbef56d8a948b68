// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/sparkline.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::train {
namespace sparkline_test {

TEST(sparkline, goes_from_zero_to_the_largest) {
  EXPECT_EQ(sparkline({0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, 9), "▁▂▃▄▅▆▇██");
  EXPECT_EQ(sparkline({0.9, 1.0, 0.95}, 9), "███") << "small changes of a large value look small";
}

TEST(sparkline, shows_means_of_equal_shares) {
  EXPECT_EQ(sparkline({4.0, 4.0, 3.0, 1.0, 0.0, 0.0}, 3), "█▅▁");
  EXPECT_EQ(sparkline({8.0, 8.0, 8.0, 1.0, 1.0}, 2), "█▄") << "8 and (8 + 1 + 1) / 3";
}

TEST(sparkline, holds_without_usable_values) {
  EXPECT_EQ(sparkline({}, 5), "");
  EXPECT_EQ(sparkline({0.0, 0.0}, 5), "▁▁");
  EXPECT_EQ(sparkline({NAN, -1.0, 2.0}, 3), "▁▁█");
}

}  // namespace sparkline_test
}  // namespace gamut::train
