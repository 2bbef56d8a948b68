// SPDX-License-Identifier: Apache-2.0
// Diversity on the pixels themselves, by no network: ink and ground colour of each picture, and what follows.
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

// Robust two-colour split: two-means in RGB; the ground is the colour that dominates the border.
struct InkAndGround {
  Rgb ink{}, ground{};
  double contrast = 1;  // WCAG ratio; near 1 = no two colours were found
};
InkAndGround split_colors(const io::Image& image);

// Index of a hue bin: black, grey, white and nine hues, each light or dark where that makes sense. The names are
// color_bin_names()[index].
int64_t color_bin(const Rgb& rgb);
const std::vector<std::string>& color_bin_names();

// exp(entropy) of the (ink bin, ground bin) pairs; range [1, n]. Compare only at equal n.
double effective_color_pairs(std::span<const InkAndGround> pictures);
// Standard deviation of a picture's mean colour over the pictures, averaged over the three channels; [0, 0.5].
double color_spread(std::span<const io::Image> images);
// Mean over pairs of the root mean squared pixel difference; [0, 1].
double pixel_pairwise_distance(std::span<const io::Image> images);
// Mean share of a picture's spectral energy (without the mean) in the highest quarter of spatial frequencies:
// the alternating-pixel (Nyquist) band of horizontal, vertical and diagonal 2x2 differences. [0, 1].
double high_frequency_energy(std::span<const io::Image> images);

}  // namespace gamut::diversity
