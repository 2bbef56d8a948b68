// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/ink.h"

#include "gamut/core/random.h"
#include "gamut/tasks/glyphs/glyphs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace gamut::glyphs {
namespace ink_test {

using io::Image;

Rgb unit(const std::array<uint8_t, 3>& rgb) { return {rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0}; }

double distance(const Rgb& a, const Rgb& b) {
  return std::sqrt((std::pow(a[0] - b[0], 2) + std::pow(a[1] - b[1], 2) + std::pow(a[2] - b[2], 2)) / 3);
}

Image with_noise(Image image, Stream& stream, double deviation) {
  for (uint8_t& value : image.pixels) {
    value = uint8_t(std::clamp(value + 255 * deviation * stream.normal(), 0.0, 255.0));
  }
  return image;
}

// A 3x3 binomial blur, edges repeated: what a soft model sample looks like.
Image blurred(const Image& image) {
  Image result = image;
  const auto clamped = [](int64_t i, int64_t n) { return std::clamp<int64_t>(i, 0, n - 1); };
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (int64_t dy = -1; dy <= 1; ++dy) {
          for (int64_t dx = -1; dx <= 1; ++dx) {
            const double weight = (2 - std::abs(dx)) * (2 - std::abs(dy)) / 16.0;
            sum += weight * image.at(clamped(x + dx, image.width), clamped(y + dy, image.height))[c];
          }
        }
        result.at(x, y)[c] = uint8_t(std::lround(sum));
      }
    }
  }
  return result;
}

// Over real glyph pictures, changed by `change`: how well the split finds the colors that were drawn.
struct Recovery {
  double ink_error = 0, ground_error = 0;  // mean root mean squared error, [0, 1]
  double ink_named = 0, ground_named = 0;  // share whose nearest named color is the right one
};
template <class Change>
Recovery recover(Change change) {
  static const GlyphSet set = make_glyph_set(1000, 11);
  Recovery sum;
  const double part = 1.0 / double(set.images.size());
  for (size_t i = 0; i < set.images.size(); ++i) {
    const GlyphSpec& spec = set.specs[i];
    const InkAndGround colors = split_colors(change(set.images[i]));
    sum.ink_error += part * distance(colors.ink, unit(spec.ink_rgb));
    sum.ground_error += part * distance(colors.ground, unit(spec.ground_rgb));
    sum.ink_named += part * (nearest_color(colors.ink) == spec.ink);
    sum.ground_named += part * (nearest_color(colors.ground) == spec.ground);
  }
  return sum;
}

TEST(ink, finds_the_colors_of_real_glyphs) {
  const Recovery found = recover([](const Image& image) { return image; });
  // Thin strokes are never fully covered, so the ink of some faces is blended with the ground.
  EXPECT_LT(found.ink_error, 0.01);
  EXPECT_LT(found.ground_error, 0.001);
  EXPECT_GE(found.ink_named, 0.97);
  EXPECT_GE(found.ground_named, 0.99);
}

TEST(ink, finds_the_colors_under_noise) {
  Stream stream(5, "test.noise");
  const Recovery found = recover([&](const Image& image) { return with_noise(image, stream, 0.04); });
  // The ink's median is over the far half of its pixels, which noise of 0.04 moves by about 0.03 more.
  EXPECT_LT(found.ink_error, 0.06);
  EXPECT_LT(found.ground_error, 0.01);
  EXPECT_GE(found.ink_named, 0.85);
  EXPECT_GE(found.ground_named, 0.98);
}

TEST(ink, finds_the_ground_and_the_tint_of_blurred_glyphs) {
  const Recovery found = recover(blurred);
  // Blur takes a quarter of the contrast of thin strokes; what is left must still be the ink rather than the
  // ground.
  EXPECT_LT(found.ink_error, 0.12);
  EXPECT_LT(found.ground_error, 0.01);
  EXPECT_GE(found.ground_named, 0.98);
}

TEST(ink, takes_the_border_for_the_ground) {
  // The inner square is larger than the frame, and still the ink.
  Image image = Image::filled(20, 20, 200, 30, 30);
  for (int64_t y = 2; y < 18; ++y) {
    for (int64_t x = 2; x < 18; ++x) std::fill_n(image.at(x, y), 3, uint8_t(10));
  }
  const InkAndGround colors = split_colors(image);
  EXPECT_NEAR(colors.ground[0], 200 / 255.0, 1e-12);
  EXPECT_NEAR(colors.ink[0], 10 / 255.0, 1e-12);
  EXPECT_NEAR(colors.contrast, contrast(colors.ink, colors.ground), 1e-12);
}

TEST(ink, takes_the_border_for_the_ground_where_two_means_moves_away_from_it) {
  // Gray border; inside more white than black, but the dark grays pull the border over to the black side.
  Image image = Image::filled(20, 20, 129, 129, 129);
  for (int64_t i = 0; i < 18 * 18; ++i) {
    std::fill_n(image.at(1 + i % 18, 1 + i / 18), 3, uint8_t(i < 163 ? 255 : i < 283 ? 64 : 0));
  }
  const InkAndGround colors = split_colors(image);
  EXPECT_EQ(colors.ink, (Rgb{1, 1, 1}));
  EXPECT_LE(colors.ground[0], 129 / 255.0);
}

TEST(ink, sees_no_two_colors_in_a_flat_picture) {
  const InkAndGround colors = split_colors(Image::filled(8, 8, 40, 80, 120));
  EXPECT_EQ(colors.contrast, 1.0);
  EXPECT_EQ(colors.ink, colors.ground);
  EXPECT_NEAR(colors.ground[2], 120 / 255.0, 1e-12);
}

TEST(ink, puts_colors_into_named_bins) {
  const auto name = [](double r, double g, double b) {
    return color_bin_names()[size_t(color_bin({r, g, b}))];
  };
  EXPECT_EQ(color_bin_names().size(), 21u);
  EXPECT_EQ(std::set<std::string>(color_bin_names().begin(), color_bin_names().end()).size(), 21u);
  EXPECT_EQ(name(0, 0, 0), "black");
  EXPECT_EQ(name(0.5, 0.5, 0.5), "gray");
  EXPECT_EQ(name(1, 1, 1), "white");
  EXPECT_EQ(name(0.8, 0.1, 0.1), "dark red");
  EXPECT_EQ(name(0.8, 0.1, 0.12), "dark red") << "hues just below 360 degrees are red, too";
  EXPECT_EQ(name(1, 0.6, 0.1), "light orange");
  EXPECT_EQ(name(0.5, 0.3, 0.1), "dark orange");
  EXPECT_EQ(name(1, 1, 0), "light yellow");
  EXPECT_EQ(name(0.6, 1, 0), "light lime");
  EXPECT_EQ(name(0, 0.4, 0.1), "dark green");
  EXPECT_EQ(name(0, 1, 1), "light cyan");
  EXPECT_EQ(name(0, 0, 1), "dark blue");
  EXPECT_EQ(name(0.6, 0.2, 0.8), "dark purple");
  EXPECT_EQ(name(1, 0.5, 0.7), "light pink");
}

TEST(ink, keeps_the_jitter_of_a_named_color_in_one_bin) {
  for (const NamedColor& color : glyph_colors()) {
    for (int corner = 0; corner < 8; ++corner) {
      std::array<uint8_t, 3> moved;
      for (size_t c = 0; c < 3; ++c) {
        const int64_t by = corner >> c & 1 ? kColorJitter : -kColorJitter;
        moved[c] = uint8_t(std::clamp<int64_t>(color.center[c] + by, 0, 255));
      }
      EXPECT_EQ(color_bin(unit(moved)), color_bin(unit(color.center))) << color.name << " corner " << corner;
    }
  }
}

TEST(ink, reaches_every_bin) {
  std::set<int64_t> seen;
  for (int r = 0; r <= 20; ++r) {
    for (int g = 0; g <= 20; ++g) {
      for (int b = 0; b <= 20; ++b) seen.insert(color_bin({r / 20.0, g / 20.0, b / 20.0}));
    }
  }
  EXPECT_EQ(seen.size(), color_bin_names().size());
  EXPECT_EQ(*seen.begin(), 0);
}

TEST(ink, counts_color_pairs) {
  const InkAndGround black_on_white{{0, 0, 0}, {1, 1, 1}, 21}, white_on_black{{1, 1, 1}, {0, 0, 0}, 21};
  const InkAndGround red_on_white{{0.8, 0, 0}, {1, 1, 1}, 5};
  using Pairs = std::vector<InkAndGround>;
  EXPECT_EQ(effective_color_pairs({}), 0.0);
  EXPECT_NEAR(effective_color_pairs(Pairs{black_on_white, black_on_white, black_on_white}), 1.0, 1e-12);
  EXPECT_NEAR(effective_color_pairs(Pairs{black_on_white, white_on_black, red_on_white}), 3.0, 1e-12);
  // Shares 3/4 and 1/4: entropy 0.5623.
  EXPECT_NEAR(effective_color_pairs(Pairs{black_on_white, black_on_white, red_on_white, black_on_white}),
              std::exp(0.5623351446188083), 1e-12);
}

}  // namespace ink_test
}  // namespace gamut::glyphs
