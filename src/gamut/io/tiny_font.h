// SPDX-License-Identifier: Apache-2.0
// A 5x7 bitmap font of printable ASCII for labels in contact sheets; other characters are drawn as '?'.
#pragma once

#include "gamut/io/image.h"

#include <string_view>

namespace gamut::io {

constexpr int64_t kFontWidth = 5, kFontHeight = 7;  // letters stand kFontWidth + 1 apart

struct TextStyle {
  int64_t scale = 1;  // pixels of the picture per pixel of the font
  uint8_t gray = 0;   // 0 = black
};

int64_t text_width(std::string_view text, int64_t scale);
// Parts outside the picture are left out.
void draw_text(Image& image, int64_t left, int64_t top, std::string_view text, const TextStyle& style = {});

}  // namespace gamut::io
