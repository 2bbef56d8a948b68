// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/pixels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace gamut::diversity {
namespace pixels_test {

using io::Image;

Image half_and_half(std::array<uint8_t, 3> left, std::array<uint8_t, 3> right, int64_t size, int64_t split) {
  Image image = Image::filled(size, size, left[0], left[1], left[2]);
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = split; x < size; ++x) std::copy(right.begin(), right.end(), image.at(x, y));
  }
  return image;
}

TEST(pixels, measures_the_spread_of_mean_colors) {
  const Image black = Image::filled(4, 4, 0, 0, 0), white = Image::filled(4, 4, 255, 255, 255);
  const Image red = Image::filled(4, 4, 255, 0, 0);
  using Images = std::vector<Image>;
  EXPECT_NEAR(color_spread(Images{black, white}), 0.5, 1e-12);
  EXPECT_NEAR(color_spread(Images{white, white}), 0.0, 1e-12);
  EXPECT_NEAR(color_spread(Images{black, red}), 0.5 / 3, 1e-12);
  EXPECT_NEAR(pixel_pairwise_distance(Images{black, white}), 1.0, 1e-12);
  EXPECT_NEAR(pixel_pairwise_distance(Images{black, red}), std::sqrt(1.0 / 3), 1e-12);
  EXPECT_NEAR(pixel_pairwise_distance(Images{black, white, white}), 2.0 / 3, 1e-12);
  EXPECT_EQ(pixel_pairwise_distance(Images{black}), 0.0);
  EXPECT_EQ(color_spread({}), 0.0);
}

TEST(pixels, tells_grids_from_shapes) {
  const auto energy = [](const Image& image) { return high_frequency_energy(std::vector<Image>{image}); };
  Image board = Image::filled(16, 16, 100, 100, 100), stripes = board;
  for (int64_t y = 0; y < 16; ++y) {
    for (int64_t x = 0; x < 16; ++x) {
      std::fill_n(board.at(x, y), 3, uint8_t((x + y) % 2 ? 120 : 80));
      std::fill_n(stripes.at(x, y), 3, uint8_t(x % 2 ? 120 : 80));
    }
  }
  EXPECT_NEAR(energy(board), 1.0, 1e-12);
  EXPECT_NEAR(energy(stripes), 1.0, 1e-12);
  EXPECT_EQ(energy(Image::filled(16, 16, 1, 2, 3)), 0.0);
  // One edge: 1 of 31 window columns sees it, half of that column's energy is the difference.
  EXPECT_LT(energy(half_and_half({0, 0, 0}, {255, 255, 255}, 32, 16)), 0.05);

  // A faint grid on smooth pictures must show.
  std::vector<Image> smooth;
  for (int64_t split = 4; split < 28; ++split)
    smooth.push_back(half_and_half({200, 80, 40}, {30, 60, 160}, 32, split));
  std::vector<Image> gridded = smooth;
  for (Image& image : gridded) {
    for (int64_t y = 0; y < image.height; ++y) {
      for (int64_t x = y % 2; x < image.width; x += 2) {
        for (int64_t c = 0; c < 3; ++c) image.at(x, y)[c] = uint8_t(std::min(255, image.at(x, y)[c] + 30));
      }
    }
  }
  EXPECT_GT(high_frequency_energy(gridded), 1.2 * high_frequency_energy(smooth));
}

}  // namespace pixels_test
}  // namespace gamut::diversity
