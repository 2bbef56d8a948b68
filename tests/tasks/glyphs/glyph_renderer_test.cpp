// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/glyphs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace gamut::glyphs {
namespace glyph_renderer_test {

GlyphSpec black_on_white(int64_t font, int64_t character) {
  GlyphSpec spec;
  spec.font = font;
  spec.character = character;
  spec.ground_rgb = {255, 255, 255};
  return spec;
}

struct Box {
  int64_t left = kGlyphSize, top = kGlyphSize, right = -1, bottom = -1;
  int64_t inked = 0;  // pixels more than half covered
};
Box ink_box(const io::Image& image) {
  Box box;
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      if (image.at(x, y)[0] == 255) continue;
      box.left = std::min(box.left, x);
      box.right = std::max(box.right, x);
      box.top = std::min(box.top, y);
      box.bottom = std::max(box.bottom, y);
      box.inked += image.at(x, y)[0] < 128;
    }
  }
  return box;
}

int64_t index_of(char character) { return int64_t(glyph_characters().find(character)); }

TEST(glyph_renderer, draws_every_character_of_every_face_large_and_uncut) {
  GlyphRenderer renderer;
  for (int64_t font = 0; font < int64_t(glyph_fonts().size()); ++font) {
    std::set<uint64_t> distinct;
    for (int64_t character = 0; character < int64_t(glyph_characters().size()); ++character) {
      SCOPED_TRACE(glyph_fonts()[size_t(font)].file + " " + glyph_characters()[size_t(character)]);
      const io::Image image = renderer.render(black_on_white(font, character));
      const Box box = ink_box(image);
      // The margin is free, and the box fills the wanted 24 pixels in height or all the room in width.
      EXPECT_GE(std::min(box.left, box.top), 1);
      EXPECT_LE(std::max(box.right, box.bottom), kGlyphSize - 2);
      EXPECT_TRUE(box.bottom - box.top >= 22 || box.right - box.left >= 28);
      // Centered up to a pixel that is hardly covered.
      EXPECT_NEAR(box.left + box.right, kGlyphSize - 1, 2);
      EXPECT_NEAR(box.top + box.bottom, kGlyphSize - 1, 2);
      EXPECT_GE(box.inked, 12);
      distinct.insert(hash64({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()}));
    }
    EXPECT_EQ(distinct.size(), glyph_characters().size()) << glyph_fonts()[size_t(font)].file;
  }
}

TEST(glyph_renderer, obeys_size_offset_and_colors) {
  GlyphRenderer renderer;
  GlyphSpec spec = black_on_white(0, index_of('E'));
  const Box center = ink_box(renderer.render(spec));
  spec.offset_x = 3;
  spec.offset_y = -2;
  const Box moved = ink_box(renderer.render(spec));
  EXPECT_EQ(moved.left - center.left, 3);
  EXPECT_EQ(moved.right - center.right, 3);
  EXPECT_EQ(moved.top - center.top, -2);
  spec.size = 18;
  const Box small = ink_box(renderer.render(spec));
  EXPECT_EQ(small.bottom - small.top + 1, 18);

  spec.ink_rgb = {10, 20, 30};
  spec.ground_rgb = {200, 100, 50};
  const io::Image image = renderer.render(spec);
  EXPECT_EQ(image.at(0, 0)[0], 200);
  EXPECT_EQ(image.at(0, 0)[1], 100);
  EXPECT_EQ(image.at(0, 0)[2], 50);
  bool has_full_ink = false;
  for (int64_t i = 0; i < kGlyphSize * kGlyphSize; ++i) {
    const uint8_t* p = &image.pixels[size_t(3 * i)];
    has_full_ink |= p[0] == 10 && p[1] == 20 && p[2] == 30;
  }
  EXPECT_TRUE(has_full_ink);
}

TEST(glyph_renderer, never_cuts_a_glyph_off) {
  GlyphRenderer renderer;
  GlyphSpec spec = black_on_white(0, index_of('W'));
  spec.size = 60;
  spec.offset_x = 50;
  spec.offset_y = -50;
  const Box box = ink_box(renderer.render(spec));
  EXPECT_GE(std::min(box.left, box.top), 1);
  EXPECT_LE(std::max(box.right, box.bottom), kGlyphSize - 2);
}

TEST(glyph_renderer, draws_lining_figures_where_the_font_has_them) {
  GlyphRenderer renderer;
  const auto& fonts = glyph_fonts();
  for (size_t font = 0; font < fonts.size(); ++font) {
    if (fonts[font].package != "fonts-vollkorn") continue;
    // An old-style 1 of Vollkorn is a small capital I: top and bottom rows alike. A lining 1 has no serif on
    // top.
    const io::Image image = renderer.render(black_on_white(int64_t(font), index_of('1')));
    const Box box = ink_box(image);
    const auto row_ink = [&](int64_t y) {
      int64_t count = 0;
      for (int64_t x = 0; x < kGlyphSize; ++x) count += image.at(x, y)[0] < 128;
      return count;
    };
    EXPECT_LT(row_ink(box.top + 1), row_ink(box.bottom - 1)) << fonts[font].file;
  }
}

TEST(glyph_renderer, draws_specs_by_the_rules) {
  GlyphRenderer renderer;
  Stream stream(3, "test.glyphs");
  for (int i = 0; i < 5000; ++i) {
    const GlyphSpec spec = renderer.draw(stream);
    const auto unit = [](const std::array<uint8_t, 3>& rgb) {
      return std::array<double, 3>{rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0};
    };
    EXPECT_GE(contrast(unit(spec.ink_rgb), unit(spec.ground_rgb)), kMinContrast);
    EXPECT_EQ(nearest_color(unit(spec.ink_rgb)), spec.ink);
    EXPECT_EQ(nearest_color(unit(spec.ground_rgb)), spec.ground);
    EXPECT_LE(spec.size, kGlyphMaxHeight);
    EXPECT_LE(std::abs(spec.offset_x), kGlyphMaxOffset);
    EXPECT_LE(std::abs(spec.offset_y), kGlyphMaxOffset);
  }
}

}  // namespace glyph_renderer_test
}  // namespace gamut::glyphs
