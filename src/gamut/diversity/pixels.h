// SPDX-License-Identifier: Apache-2.0
// Diversity on the pixels themselves, by no network.
// Every measure is within one prompt's pictures; average over prompts outside.
#pragma once

#include "gamut/io/image.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace gamut::diversity {

using Rgb = std::array<double, 3>;                    // sRGB in [0, 1]
std::vector<Rgb> all_pixels(const io::Image& image);  // row by row
Rgb mean_rgb(const std::vector<Rgb>& colors);

// Standard deviation of a picture's mean color over the pictures, averaged over the three channels; [0, 0.5].
double color_spread(std::span<const io::Image> images);
// Mean over pairs of the root mean squared pixel difference; [0, 1], 0 for fewer than two pictures.
double pixel_pairwise_distance(std::span<const io::Image> images);
// Mean share of a picture's energy (without its mean color) in the alternating-pixel (Nyquist) band: over all
// 2x2 windows, the squared horizontal, vertical and diagonal Haar coefficients against all four. [0, 1]; 0
// for a flat picture, near 1 for a checkerboard of single pixels.
double high_frequency_energy(std::span<const io::Image> images);

}  // namespace gamut::diversity
