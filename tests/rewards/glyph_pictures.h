// SPDX-License-Identifier: Apache-2.0
// Rendered glyphs as tensors with their prompts.
#pragma once

#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/nn/images.h"
#include "gamut/text/prompt_set.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace gamut::rewards {

struct GlyphPictures {
  at::Tensor pictures;  // [B, 3, 32, 32]
  std::vector<text::Prompt> prompts;
};

inline text::Prompt glyph_prompt(char character) {
  return {glyphs::glyph_caption(character), std::string(1, character), {}};
}

inline GlyphPictures random_glyphs(int64_t count, uint64_t seed) {
  const glyphs::GlyphSet set = glyphs::make_glyph_set(count, seed);
  GlyphPictures glyphs{nn::images_to_tensor(set.images), {}};
  for (const glyphs::GlyphSpec& spec : set.specs)
    glyphs.prompts.push_back(glyph_prompt(glyphs::glyph_characters()[size_t(spec.character)]));
  return glyphs;
}

// Black on white in the middle, in the first face whose file name contains `face`.
inline GlyphPictures clean_glyphs(const std::string& characters, const std::string& face) {
  glyphs::GlyphRenderer renderer;
  const auto& fonts = glyphs::glyph_fonts();
  glyphs::GlyphSpec spec;
  while (size_t(spec.font) < fonts.size() && fonts[size_t(spec.font)].file.find(face) == std::string::npos)
    ++spec.font;
  spec.ground_rgb = {255, 255, 255};
  GlyphPictures glyphs;
  std::vector<io::Image> images;
  for (const char character : characters) {
    spec.character = int64_t(glyphs::glyph_characters().find(character));
    images.push_back(renderer.render(spec));
    glyphs.prompts.push_back(glyph_prompt(character));
  }
  glyphs.pictures = nn::images_to_tensor(images);
  return glyphs;
}

}  // namespace gamut::rewards
