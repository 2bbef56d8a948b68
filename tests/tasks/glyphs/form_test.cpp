// SPDX-License-Identifier: Apache-2.0
// Strokes, height and place read from pictures, against figures drawn by hand and the data's own labels.
#include "gamut/tasks/glyphs/form.h"

#include "gamut/tasks/glyphs/glyphs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace gamut::glyphs {
namespace form_test {

constexpr int64_t kSide = 32;

// Coverage of each pixel by 8x8 samples of a shape; white ink on dark blue.
io::Image drawn(const std::function<bool(double x, double y)>& inside) {
  io::Image image = io::Image::filled(kSide, kSide, 0, 0, 0);
  for (int64_t y = 0; y < kSide; ++y)
    for (int64_t x = 0; x < kSide; ++x) {
      double covered = 0;
      for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 8; ++j)
          covered += inside(double(x) + (i + 0.5) / 8, double(y) + (j + 0.5) / 8) / 64.0;
      const double ground[] = {0, 0, 120};
      for (size_t c = 0; c < 3; ++c)
        image.pixels[size_t(y * kSide + x) * 3 + c] =
            uint8_t(std::lround(ground[c] + covered * (255 - ground[c])));
    }
  return image;
}

io::Image bar(double left, double top, double width, double height) {
  return drawn(
      [=](double x, double y) { return x >= left && x < left + width && y >= top && y < top + height; });
}

TEST(form, a_bar_has_its_width_height_and_place) {
  for (const double width : {2.0, 3.0, 4.5}) {
    const GlyphForm form = form_of(bar(10, 4, width, 24)).value();
    // 2 w h / (2 w + 2 h) of a bar with ends; an edge that blends loses what lies under a quarter.
    EXPECT_NEAR(form.stroke, width * 24 / (width + 24), 0.35) << width;
    EXPECT_NEAR(form.height, 0.96 * 24, 0.05);
    EXPECT_NEAR(form.x, 10 + width / 2 - 16, 0.3);
    EXPECT_NEAR(form.y, 0, 0.05);
  }
}

// A slanted stroke is as wide as a straight one.
TEST(form, the_direction_of_a_stroke_does_not_matter) {
  const auto slanted = drawn([](double x, double y) {
    const double u = (x - 16 + y - 16) / std::sqrt(2), v = (x - 16 - y + 16) / std::sqrt(2);
    return std::abs(v) < 2 && std::abs(u) < 12;
  });
  EXPECT_NEAR(form_of(slanted)->stroke, form_of(bar(14, 4, 4, 24))->stroke, 0.4);
}

TEST(form, a_picture_of_one_color_has_none) {
  EXPECT_FALSE(form_of(drawn([](double, double) { return false; })));
  const std::vector<io::Image> flat(3, drawn([](double, double) { return true; }));
  EXPECT_EQ(form_spread(flat).stroke, 0);
}

TEST(form, spreads_are_standard_deviations) {
  const std::vector<io::Image> bars{bar(10, 4, 3, 20), bar(12, 6, 3, 24), bar(14, 5, 3, 22)};
  const FormSpread spread = form_spread(bars);
  EXPECT_NEAR(spread.height, 0.96 * std::sqrt(8.0 / 3), 0.05);
  // x 10, 12, 14; middles of y 14, 18, 16.
  EXPECT_NEAR(spread.place, std::hypot(std::sqrt(8.0 / 3), std::sqrt(8.0 / 3)), 0.1);
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ma += a[i] / double(a.size());
    mb += b[i] / double(a.size());
  }
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / std::sqrt(aa * bb);
}

// What the renderer was told is read back from its pictures.
TEST(form, reads_the_datas_labels) {
  const GlyphSet set = make_glyph_set(300, 5);
  std::vector<double> size, height, told_x, x, told_y, y;
  for (size_t i = 0; i < set.specs.size(); ++i) {
    const auto form = form_of(set.images[i]);
    ASSERT_TRUE(form);
    size.push_back(set.specs[i].size);
    height.push_back(form->height);
    told_x.push_back(set.specs[i].offset_x);
    x.push_back(form->x);
    told_y.push_back(set.specs[i].offset_y);
    y.push_back(form->y);
  }
  EXPECT_GT(correlation(size, height), 0.85);
  EXPECT_GT(correlation(told_x, x), 0.85);
  EXPECT_GT(correlation(told_y, y), 0.85);
}

// Bold faces have wider strokes than the thin ones of the same family, whatever character and color.
TEST(form, bold_is_wider) {
  GlyphRenderer renderer;
  double bold = 0, plain = 0, bolds = 0, plains = 0;
  for (int64_t i = 0; i < 600; ++i) {
    Stream stream(3, "test.form", {i});
    const GlyphSpec spec = renderer.draw(stream);
    const std::string& file = glyph_fonts()[size_t(spec.font)].file;
    if (file.find("Italic") != std::string::npos) continue;
    const auto form = form_of(renderer.render(spec));
    if (!form) continue;
    const bool heavy = file.find("Black") != std::string::npos || file.find("Bold") != std::string::npos;
    (heavy ? bold : plain) += form->stroke;
    (heavy ? bolds : plains) += 1;
  }
  ASSERT_GT(bolds, 20);
  EXPECT_GT(bold / bolds, 1.15 * plain / plains);
}

}  // namespace form_test
}  // namespace gamut::glyphs
