// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/discrepancy.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::diversity {
namespace discrepancy_test {

// Three points of a line against two: every kernel by hand.
TEST(discrepancy, the_witness_is_the_difference_of_two_mean_kernels) {
  const at::Tensor own = at::tensor({0.0, 1.0, 4.0}, at::kDouble),
                   others = at::tensor({1.0, 2.0}, at::kDouble);
  const std::vector<double> witness =
      mmd_witness((own.unsqueeze(1) - own).abs(), (own.unsqueeze(1) - others).abs(), 2);
  const auto k = [](double d) { return std::exp(-d * d / 8); };
  ASSERT_EQ(witness.size(), 3u);
  EXPECT_NEAR(witness[0], (k(1) + k(2)) / 2 - (k(1) + k(4)) / 2, 1e-12);
  EXPECT_NEAR(witness[1], (k(0) + k(1)) / 2 - (k(1) + k(3)) / 2, 1e-12);
  EXPECT_NEAR(witness[2], (k(3) + k(2)) / 2 - (k(4) + k(3)) / 2, 1e-12);
}

TEST(discrepancy, a_single_picture_has_no_other) {
  const std::vector<double> witness =
      mmd_witness(at::zeros({1, 1}, at::kDouble), at::full({1, 2}, 2.0, at::kDouble), 1);
  ASSERT_EQ(witness.size(), 1u);
  EXPECT_NEAR(witness[0], std::exp(-2.0), 1e-12);
}

}  // namespace discrepancy_test
}  // namespace gamut::diversity
