// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/palette.h"

#include <gtest/gtest.h>

namespace gamut::glyphs {
namespace palette_test {

// A black square on red, and a white one on blue.
TEST(palette, palette_is_ink_and_ground) {
  std::vector<io::Image> pictures{io::Image::filled(16, 16, 255, 0, 0), io::Image::filled(16, 16, 0, 0, 255)};
  for (int64_t y = 5; y < 11; ++y)
    for (int64_t x = 5; x < 11; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        pictures[0].at(x, y)[c] = 0;
        pictures[1].at(x, y)[c] = 255;
      }
  EXPECT_EQ(palette_of(pictures, 10), "000000ff0000ffffff0000ff");
}

TEST(palette, data_has_two_colors_each) {
  const std::string colors = data_palette(5);
  EXPECT_EQ(colors.size(), 5u * 12);
  EXPECT_EQ(colors.find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace palette_test
}  // namespace gamut::glyphs
