// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/classes.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::eval {
namespace classes_test {

TEST(classes, the_effective_number_counts_even_classes_and_little_of_rare_ones) {
  EXPECT_EQ(effective_classes({}), 0);
  EXPECT_DOUBLE_EQ(effective_classes({7, 7, 7}), 1);
  EXPECT_NEAR(effective_classes({1, 2, 3, 4}), 4, 1e-12);
  const double p = 0.75;
  EXPECT_NEAR(effective_classes({5, 5, 5, 9}), std::exp(-p * std::log(p) - (1 - p) * std::log(1 - p)), 1e-12);
}

TEST(classes, no_folder_is_no_classifier) { EXPECT_EQ(make_classifier("", "cpu"), nullptr); }

}  // namespace classes_test
}  // namespace gamut::eval
