// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/glyphs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

namespace gamut::glyphs {
namespace glyphs_test {

int64_t color_index(const std::string& name) {
  const auto& colors = glyph_colors();
  return std::find_if(colors.begin(), colors.end(), [&](const auto& color) { return color.name == name; }) -
         colors.begin();
}

TEST(glyphs, are_33_characters) {
  EXPECT_EQ(glyph_characters().size(), 33u);
  EXPECT_EQ(glyph_characters().find_first_of("IOQ"), std::string::npos);
}

TEST(glyphs, have_captions) {
  EXPECT_EQ(glyph_caption('7'), "the digit 7");
  EXPECT_EQ(glyph_caption('K'), "the letter K");
  GlyphSpec spec;
  spec.character = int64_t(glyph_characters().find('K'));
  spec.ink = color_index("dark red");
  spec.ground = color_index("light cyan");
  const auto& fonts = glyph_fonts();
  spec.font = std::find_if(fonts.begin(), fonts.end(), [](const auto& f) { return f.style == "script"; }) -
              fonts.begin();
  EXPECT_EQ(glyph_caption(spec, true, true), "the letter K, dark red on light cyan, script");
  EXPECT_EQ(glyph_caption(spec, true, false), "the letter K, dark red on light cyan");
  EXPECT_EQ(glyph_caption(spec, false, true), "the letter K, script");
  EXPECT_EQ(glyph_caption(spec, false, false), "the letter K");
}

TEST(glyphs, list_exactly_the_words_of_captions) {
  const std::vector<std::string> listed = glyph_caption_words();
  std::set<std::string> used = {","};
  const GlyphSet set = make_glyph_set(4096, 5);
  for (const GlyphSpec& spec : set.specs) {
    std::string caption = glyph_caption(spec, true, true);
    for (char& c : caption) c = c == ',' ? ' ' : char(std::tolower(c));
    std::istringstream words(caption);
    for (std::string word; words >> word;) used.insert(word);
  }
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), used);
  EXPECT_EQ(listed.size(), used.size());
}

TEST(glyphs, come_from_the_seed_alone) {
  const GlyphSet set = make_glyph_set(64, 1), same = make_glyph_set(64, 1), longer = make_glyph_set(96, 1);
  EXPECT_EQ(set.hash, same.hash);
  EXPECT_NE(set.hash, make_glyph_set(64, 2).hash);
  EXPECT_NE(set.hash, longer.hash);
  for (size_t i = 0; i < set.images.size(); ++i) EXPECT_EQ(set.images[i].pixels, longer.images[i].pixels);
}

TEST(glyphs, use_every_character_face_and_color) {
  const GlyphSet set = make_glyph_set(4096, 0);
  std::vector<int> characters(33), fonts(55), inks(glyph_colors().size()), grounds(glyph_colors().size());
  for (const GlyphSpec& spec : set.specs) {
    ++characters[size_t(spec.character)];
    ++fonts[size_t(spec.font)];
    ++inks[size_t(spec.ink)];
    ++grounds[size_t(spec.ground)];
  }
  // Uniform counts are 124 and 74; six standard deviations below is 58 and 23. Colors are uniform up to the
  // rejection.
  EXPECT_GT(*std::min_element(characters.begin(), characters.end()), 58);
  EXPECT_GT(*std::min_element(fonts.begin(), fonts.end()), 23);
  EXPECT_GT(*std::min_element(inks.begin(), inks.end()), 60);
  EXPECT_GT(*std::min_element(grounds.begin(), grounds.end()), 60);
}

}  // namespace glyphs_test
}  // namespace gamut::glyphs
