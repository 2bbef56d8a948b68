// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/rotary.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::nn {
namespace rotary_test {

using at::Tensor;

const RotaryOptions kOptions{.axes = {2, 4}, .theta = 100};

TEST(rotary, turns_each_pair_by_the_angle_of_its_axis) {
  const Tensor ids = at::tensor({0., 0., 3., 5.}, at::kDouble).view({2, 2});
  const Tensor table = rotary_table(ids, kOptions, at::kFloat);
  EXPECT_EQ(table.sizes(), (std::vector<int64_t>{2, 1, 3}));
  const Tensor x = at::arange(1, 13, at::kFloat).view({1, 2, 1, 6}), y = rotated(x, table);
  EXPECT_TRUE(at::equal(y.select(1, 0), x.select(1, 0)));  // at the origin nothing turns
  const double angles[] = {3 * 1.0, 5 * 1.0, 5 * 0.1};     // theta^0, theta^0, theta^-(2/4)
  for (int64_t pair = 0; pair < 3; ++pair) {
    const double a = 7 + 2 * double(pair), b = a + 1, turn = angles[pair];
    EXPECT_NEAR(y[0][1][0][2 * pair].item<double>(), a * std::cos(turn) - b * std::sin(turn), 1e-5);
    EXPECT_NEAR(y[0][1][0][2 * pair + 1].item<double>(), a * std::sin(turn) + b * std::cos(turn), 1e-5);
  }
}

// What attention sees of places is how far they are apart.
TEST(rotary, products_depend_on_distances_alone) {
  const Tensor q = at::randn({1, 1, 1, 6}, at::kDouble), k = at::randn({1, 1, 1, 6}, at::kDouble);
  const auto product = [&](double row, double other) {
    const auto at_row = [&](double place) {
      return rotary_table(at::tensor({place, 2 * place}, at::kDouble).view({1, 2}), kOptions, at::kDouble);
    };
    return (rotated(q, at_row(row)) * rotated(k, at_row(other))).sum().item<double>();
  };
  EXPECT_NEAR(product(7, 4), product(103, 100), 1e-10);
}

TEST(rotary, keeps_type_and_length) {
  const Tensor x = at::randn({2, 3, 4, 6}).to(at::kBFloat16);
  const Tensor table = rotary_table(at::rand({3, 2}) * 50, kOptions, x.scalar_type());
  const Tensor y = rotated(x, table);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::allclose(y.to(at::kFloat).norm(2, -1), x.to(at::kFloat).norm(2, -1), 0.01, 0.01));
}

}  // namespace rotary_test
}  // namespace gamut::nn
