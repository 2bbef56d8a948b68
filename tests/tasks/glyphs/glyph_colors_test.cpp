// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/glyphs.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::glyphs {
namespace glyph_colors_test {

std::array<double, 3> unit(const std::array<uint8_t, 3>& rgb) {
  return {rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0};
}

TEST(glyph_colors, have_names_of_their_own) {
  std::set<std::string> names;
  for (const NamedColor& color : glyph_colors()) names.insert(color.name);
  EXPECT_EQ(names.size(), glyph_colors().size());
  EXPECT_EQ(names.size(), 24u);
}

TEST(glyph_colors, stay_nearest_to_themselves_when_jittered) {
  for (size_t i = 0; i < glyph_colors().size(); ++i) {
    // A 5x5x5 grid over the whole jitter cube, its corners included.
    for (int64_t r = -kColorJitter; r <= kColorJitter; r += kColorJitter / 2) {
      for (int64_t g = -kColorJitter; g <= kColorJitter; g += kColorJitter / 2) {
        for (int64_t b = -kColorJitter; b <= kColorJitter; b += kColorJitter / 2) {
          const auto& center = glyph_colors()[i].center;
          const auto moved = [](uint8_t value, int64_t by) {
            return uint8_t(std::clamp<int64_t>(value + by, 0, 255));
          };
          const std::array<uint8_t, 3> color = {moved(center[0], r), moved(center[1], g),
                                                moved(center[2], b)};
          ASSERT_EQ(nearest_color(unit(color)), int64_t(i))
              << glyph_colors()[i].name << r << " " << g << " " << b;
        }
      }
    }
  }
}

TEST(glyph_colors, names_colors_as_people_do) {
  const auto name = [](double r, double g, double b) {
    return glyph_colors()[size_t(nearest_color({r, g, b}))].name;
  };
  EXPECT_EQ(name(0, 0, 0), "black");
  EXPECT_EQ(name(1, 1, 1), "white");
  EXPECT_EQ(name(1, 0, 0), "red");
  EXPECT_EQ(name(1, 1, 0), "yellow");
  EXPECT_EQ(name(0, 0, 0.5), "dark blue");
  EXPECT_EQ(name(0.5, 0.5, 0.5), "gray");
  EXPECT_EQ(name(1, 0.65, 0), "orange");
}

// WCAG 2.1: white on black is 21, and #767676 is known as the lightest gray of 4.5 on white.
TEST(glyph_colors, follow_the_contrast_of_wcag) {
  EXPECT_NEAR(contrast({1, 1, 1}, {0, 0, 0}), 21.0, 1e-12);
  EXPECT_NEAR(contrast({0, 0, 0}, {1, 1, 1}), 21.0, 1e-12);
  EXPECT_EQ(contrast({0.3, 0.6, 0.1}, {0.3, 0.6, 0.1}), 1.0);
  const double gray = 0x76 / 255.0, lighter = 0x77 / 255.0;
  EXPECT_GE(contrast({gray, gray, gray}, {1, 1, 1}), 4.5);
  EXPECT_LT(contrast({lighter, lighter, lighter}, {1, 1, 1}), 4.5);
  EXPECT_NEAR(luminance({0, 1, 0}), 0.7152, 1e-12);
}

}  // namespace glyph_colors_test
}  // namespace gamut::glyphs
