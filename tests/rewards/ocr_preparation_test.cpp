// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/ocr_preparation.h"

#include <gtest/gtest.h>

#include <array>

namespace gamut::rewards {
namespace ocr_preparation_test {

// A square of `ink` with a border of `ground`, 6x4.
std::vector<float> framed(const std::array<float, 3>& ink, const std::array<float, 3>& ground) {
  std::vector<float> planes;
  for (size_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < 4; ++y)
      for (int64_t x = 0; x < 6; ++x) planes.push_back(x > 0 && y > 0 && x < 5 && y < 3 ? ink[c] : ground[c]);
  return planes;
}

TEST(ocr_preparation, two_tone_makes_any_pair_black_on_white) {
  const std::array<std::array<float, 3>, 4> colors = {
      {{0, 0, 0}, {1, 1, 1}, {0.9f, 0.1f, 0.1f}, {0.1f, 0.52f, 0.05f}}};
  for (const auto& ink : colors)
    for (const auto& ground : colors) {
      if (ink == ground) continue;
      const auto planes = framed(ink, ground);
      const Raster raster = prepare_for_ocr({6, 4, planes}, {.padding = 0});
      ASSERT_EQ(raster.channels, 1);
      for (int64_t y = 0; y < 4; ++y)
        for (int64_t x = 0; x < 6; ++x) {
          const bool inside = x > 0 && y > 0 && x < 5 && y < 3;
          EXPECT_EQ(raster.bytes[size_t(y * 6 + x)], inside ? 0 : 255) << x << " " << y;
        }
    }
}

TEST(ocr_preparation, luminance_flips_dark_grounds) {
  const auto light_ink = framed({0, 1, 0}, {0, 0, 0});
  const Raster raster = prepare_for_ocr({6, 4, light_ink}, {.color = OcrColor::kLuma, .padding = 0});
  EXPECT_EQ(raster.bytes[0], 255);
  EXPECT_EQ(raster.bytes[1 * 6 + 1], std::lround(255 * (1 - 0.587)));
}

TEST(ocr_preparation, padding_repeats_the_edge_and_scale_enlarges) {
  const auto planes = framed({0, 0, 0}, {0.2f, 0.4f, 0.6f});
  const Raster raster = prepare_for_ocr({6, 4, planes}, {.color = OcrColor::kRgb, .scale = 2, .padding = 3});
  EXPECT_EQ(raster.width, 2 * (6 + 6));
  EXPECT_EQ(raster.height, 2 * (4 + 6));
  ASSERT_EQ(raster.bytes.size(), size_t(raster.width * raster.height * 3));
  for (const size_t corner :
       {size_t(0), size_t(raster.width - 1), size_t(raster.width * (raster.height - 1))}) {
    EXPECT_EQ(raster.bytes[3 * corner], 51);
    EXPECT_EQ(raster.bytes[3 * corner + 1], 102);
    EXPECT_EQ(raster.bytes[3 * corner + 2], 153);
  }
  // Row and column 8 lie a quarter of a pixel before the first ink pixel's centre, column 7 a quarter after
  // the edge's.
  const auto red = [&](int64_t x, int64_t y) {
    return int(raster.bytes[size_t(3 * (y * raster.width + x))]);
  };
  EXPECT_EQ(red(7, 9), std::lround(255 * 0.2 * 0.75));
  EXPECT_EQ(red(8, 9), std::lround(255 * 0.2 * 0.25));
  EXPECT_EQ(red(9, 9), 0);
}

TEST(ocr_preparation, values_outside_are_clamped_and_one_colour_is_white) {
  const std::vector<float> bright(3 * 24, 7.0f);
  const Raster raster = prepare_for_ocr({6, 4, bright}, {.color = OcrColor::kRgb, .padding = 0});
  EXPECT_EQ(raster.bytes, std::vector<uint8_t>(72, 255));
  const std::vector<float> grey(3 * 24, 0.3f);
  EXPECT_EQ(prepare_for_ocr({6, 4, grey}, {.padding = 0}).bytes, std::vector<uint8_t>(24, 255));
}

}  // namespace ocr_preparation_test
}  // namespace gamut::rewards
