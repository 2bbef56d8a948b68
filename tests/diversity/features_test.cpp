// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/features.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::diversity {
namespace features_test {

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

}  // namespace features_test
}  // namespace gamut::diversity
