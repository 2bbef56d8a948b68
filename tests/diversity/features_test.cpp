// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/features.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::diversity {
namespace {

TEST(features, average_equal_areas) {
  const at::Tensor pictures =
      at::arange(2 * 3 * 32 * 32, at::kFloat).view({2, 3, 32, 32}) / (2 * 3 * 32 * 32);
  const at::Tensor features = pixel_features(pictures.contiguous(at::MemoryFormat::ChannelsLast));
  ASSERT_EQ(features.sizes(), (std::vector<int64_t>{2, 192}));
  // Picture 1, channel 2, cell (3, 5), by its definition; float sums of 16 values.
  const double cell = pictures[1][2].slice(0, 12, 16).slice(1, 20, 24).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(features[1][2 * 64 + 3 * 8 + 5].item<double>(), 2 * cell - 1, 1e-6);
}

TEST(features, have_gray_as_origin) {
  EXPECT_EQ(pixel_features(at::full({1, 3, 16, 16}, 0.5)).abs().max().item<float>(), 0.0f);
  EXPECT_EQ(pixel_features(at::zeros({1, 3, 16, 16})).max().item<float>(), -1.0f);
}

// Against a singular value decomposition of the features without their groups' means.
TEST(features, principal_components_are_those_of_the_groups_deviations) {
  at::manual_seed(4);
  const at::Tensor features = at::randn({10, 5}, at::kDouble) + 3;
  const std::vector<std::vector<int64_t>> groups{{0, 2, 4, 6, 8}, {1, 3, 5, 7, 9}};
  at::Tensor centered = features.clone();
  for (const auto& rows : groups) {
    at::Tensor mean = at::zeros({5}, at::kDouble);
    for (const int64_t row : rows) mean += features[row] / double(rows.size());
    for (const int64_t row : rows) centered[row] = features[row] - mean;
  }
  const auto [u, values, v] = at::linalg_svd(centered, false);
  const at::Tensor expected = (u * values).narrow(1, 0, 3), got = principal_components(features, groups, 3);
  ASSERT_EQ(got.sizes(), (std::vector<int64_t>{10, 3}));
  EXPECT_LT((got.abs() - expected.abs()).abs().max().item<double>(), 1e-9);
  EXPECT_EQ(principal_components(features, groups, 64).size(1), 10);
}

}  // namespace
}  // namespace gamut::diversity
