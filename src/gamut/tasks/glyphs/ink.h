// SPDX-License-Identifier: Apache-2.0
// A glyph picture's ink and ground, and variety in them. Every measure is within one prompt's pictures;
// average over prompts outside.
#pragma once

#include "gamut/diversity/pixels.h"
#include "gamut/io/image.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gamut::glyphs {

using diversity::Rgb;

// Robust two-color split: two-means in RGB; the ground is the color that dominates the border. Of each
// color's pixels the median is taken, for the ink over the half farthest from the ground, since a thin stroke
// is mostly blended edge. Without two colors ink and ground are equal.
struct InkAndGround {
  Rgb ink{}, ground{};
  double contrast = 1;  // WCAG ratio; near 1 = no two colors were found
};
InkAndGround split_colors(const io::Image& image);

// Index of a color bin: black, gray, white and nine hues (red, orange, yellow, lime, green, cyan, blue,
// purple, pink), each dark or light: 21 bins. The names are color_bin_names()[index].
int64_t color_bin(const Rgb& rgb);
const std::vector<std::string>& color_bin_names();

// exp(entropy) of the (ink bin, ground bin) pairs; range [1, n], 0 without pictures. Compare only at equal n.
double effective_color_pairs(std::span<const InkAndGround> pictures);

}  // namespace gamut::glyphs
