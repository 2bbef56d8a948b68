// SPDX-License-Identifier: Apache-2.0
// Characters, captions and sets; drawing is in glyph_renderer.cpp.
#include "gamut/tasks/glyphs/glyphs.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace gamut::glyphs {

const std::string& glyph_characters() {
  static const std::string characters = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ";
  return characters;
}

std::string glyph_caption(char character) {
  const bool is_digit = character >= '0' && character <= '9';
  return cat(is_digit ? "the digit " : "the letter ", character);
}

std::string glyph_caption(const GlyphSpec& spec, bool keep_colors, bool keep_style) {
  std::string caption = glyph_caption(glyph_characters().at(size_t(spec.character)));
  if (keep_colors) {
    const auto& colors = glyph_colors();
    caption += ", " + colors.at(size_t(spec.ink)).name + " on " + colors.at(size_t(spec.ground)).name;
  }
  if (keep_style) caption += ", " + glyph_fonts().at(size_t(spec.font)).style;
  return caption;
}

std::vector<std::string> glyph_caption_words() {
  std::vector<std::string> words = {",", "the", "digit", "letter", "on"};
  const auto add_new = [&](const std::string& word) {
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  };
  for (const char character : glyph_characters()) add_new(std::string(1, char(std::tolower(character))));
  for (const NamedColor& color : glyph_colors()) {
    std::istringstream parts(color.name);
    for (std::string part; parts >> part;) add_new(part);
  }
  // Written out, so that a tokenizer can be made where the fonts are not installed.
  for (const char* style : {"sans", "serif", "script", "handwriting", "display"}) add_new(style);
  return words;
}

GlyphSet make_glyph_set(int64_t count, uint64_t seed) {
  GAMUT_CHECK(count >= 0, "count is ", count);
  GlyphRenderer renderer;
  GlyphSet set;
  for (int64_t i = 0; i < count; ++i) {
    Stream stream(seed, "data.glyphs", {i});
    set.specs.push_back(renderer.draw(stream));
    set.images.push_back(renderer.render(set.specs.back()));
    const std::vector<uint8_t>& pixels = set.images.back().pixels;
    set.hash = hash64({reinterpret_cast<const char*>(pixels.data()), pixels.size()}, set.hash);
  }
  return set;
}

}  // namespace gamut::glyphs
