// SPDX-License-Identifier: Apache-2.0
// How a glyph stands in its picture, whatever its colors: width of its strokes, height, place. Read from the
// picture alone.
#pragma once

#include "gamut/io/image.h"

#include <optional>
#include <span>

namespace gamut::glyphs {

// In pixels. Coverage of a pixel: where its color lies between ground (0) and ink (1) of split_colors; below
// a quarter it counts as none.
//   stroke   2 area / boundary: the coverage's sum over half its total variation, which is the width of a
//   long stroke height   between the rows below which 2 % and 98 % of the coverage lie x, y     the middle
//   between the columns, and rows, of 2 % and 98 %, from the picture's middle, right and down
struct GlyphForm {
  double stroke = 0, height = 0, x = 0, y = 0;
};
// Absent where the picture shows no two colors.
std::optional<GlyphForm> form_of(const io::Image& image);

// Over pictures that have a form; 0 for fewer than two. Population standard deviations, of the place the root
// of the two variances' sum.
struct FormSpread {
  double stroke = 0, height = 0, place = 0;
};
FormSpread form_spread(std::span<const io::Image> images);

}  // namespace gamut::glyphs
