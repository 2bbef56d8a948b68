// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/glyphs.h"

#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

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

// A caption's attributes: what stands between its commas, the prompt first.
std::vector<std::string> parts_of(const std::string& caption) {
  std::vector<std::string> parts;
  std::istringstream text(caption);
  for (std::string part; std::getline(text, part, ',');)
    parts.push_back(parts.empty() ? part : part.substr(1));
  return parts;
}

std::array<double, 3> center(const std::string& name) {
  const auto& rgb = glyph_colors().at(size_t(color_index(name))).center;
  return {rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0};
}

TEST(glyphs, variants_are_captions_that_the_data_could_have) {
  const std::filesystem::path recipes = GAMUT_SOURCE_DIR "/recipes/glyphs";
  std::set<std::string> styles, prompts;
  for (const FontFace& face : glyph_fonts()) styles.insert(face.style);
  for (const nlohmann::json& line : io::read_json_lines(recipes / "variants.jsonl")) {
    const std::string prompt = line.at("prompt");
    prompts.insert(prompt);
    EXPECT_GE(line.at("variants").size(), 8u);
    for (const std::string caption : line.at("variants")) {
      std::vector<std::string> parts = parts_of(caption);
      EXPECT_EQ(parts.front(), prompt);
      if (parts.size() > 1 && styles.count(parts.back())) parts.pop_back();
      ASSERT_LE(parts.size(), 2u) << caption;
      if (parts.size() == 1) continue;
      const size_t on = parts[1].find(" on ");
      ASSERT_NE(on, std::string::npos) << caption;
      EXPECT_GE(contrast(center(parts[1].substr(0, on)), center(parts[1].substr(on + 4))), kMinContrast);
    }
  }
  EXPECT_EQ(prompts.size(), 33u);
  for (const char character : glyph_characters()) EXPECT_TRUE(prompts.count(glyph_caption(character)));
}

}  // namespace glyphs_test
}  // namespace gamut::glyphs
