// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/tonal.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace gamut::diversity {
namespace tonal_test {

at::Tensor flat(double r, double g, double b) {
  return at::tensor({r, g, b}, at::kFloat).view({3, 1, 1}).expand({3, 4, 4}).contiguous();
}

TEST(tonal, equal_pictures_have_none) {
  EXPECT_EQ(tonal_variety(at::stack({flat(0.2, 0.4, 0.6), flat(0.2, 0.4, 0.6)})), 0);
  EXPECT_EQ(tonal_variety(at::rand({1, 3, 8, 8})), 0);
}

// Saturations 1, 0, 0; values 1, 1, 0; no picture has contrast of its own.
TEST(tonal, flat_colors_by_hand) {
  const double saturation = std::sqrt(2.0) / 3, value = std::sqrt(2.0) / 3;
  EXPECT_NEAR(tonal_variety(at::stack({flat(1, 0, 0), flat(1, 1, 1), flat(0, 0, 0)})), saturation + value,
              1e-12);
}

// Half black, half white beside all gray: mean values 0.5 and 51/255, deviations of gray 0.5 and 0.
TEST(tonal, contrast_within_a_picture_counts) {
  at::Tensor halves = at::zeros({3, 4, 4});
  halves.narrow(1, 0, 2).fill_(1);
  EXPECT_NEAR(tonal_variety(at::stack({halves, flat(0.2, 0.2, 0.2)})), (0.5 - 0.2) / 2 + 0.5 / 2, 1e-12);
}

// tests/generators/tonal.py: numpy and colorsys on pictures of a formula.
TEST(tonal, agrees_with_numpy_and_colorsys) {
  std::vector<at::Tensor> pictures;
  for (int64_t b = 0; b < 20; ++b) {
    const at::Tensor i = at::arange(3 * 6 * 5, at::kLong);
    pictures.push_back(((i * (7 * b + 3) + i * i * (b % 5)) % 256).to(at::kDouble).div(255).view({3, 6, 5}));
  }
  EXPECT_NEAR(tonal_variety(at::stack(pictures)), 0.13857323221507856, 1e-10);
}

TEST(tonal, does_not_depend_on_order) {
  const at::Tensor pictures = at::rand({40, 3, 8, 8});
  EXPECT_NEAR(tonal_variety(pictures.flip(0)), tonal_variety(pictures), 1e-12);
}

}  // namespace tonal_test
}  // namespace gamut::diversity
