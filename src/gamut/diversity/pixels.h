// SPDX-License-Identifier: Apache-2.0
// Diversity on the pixels themselves, by no network: ink and ground color of each picture, and what follows.
// Every measure is within one prompt's pictures; average over prompts outside.
#pragma once

#include "gamut/io/image.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gamut::diversity {

using Rgb = std::array<double, 3>;  // sRGB in [0, 1]

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
// Standard deviation of a picture's mean color over the pictures, averaged over the three channels; [0, 0.5].
double color_spread(std::span<const io::Image> images);
// Mean over pairs of the root mean squared pixel difference; [0, 1], 0 for fewer than two pictures.
double pixel_pairwise_distance(std::span<const io::Image> images);
// Mean share of a picture's energy (without its mean color) in the alternating-pixel (Nyquist) band: over all
// 2x2 windows, the squared horizontal, vertical and diagonal Haar coefficients against all four. [0, 1]; 0
// for a flat picture, near 1 for a checkerboard of single pixels.
double high_frequency_energy(std::span<const io::Image> images);

}  // namespace gamut::diversity
