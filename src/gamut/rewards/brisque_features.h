// SPDX-License-Identifier: Apache-2.0
// The 36 natural-scene statistics of BRISQUE: Mittal, Moorthy, Bovik (2012), "No-Reference Image Quality
// Assessment in the Spatial Domain". Where OpenCV's contrib module `quality` (qualitybrisque.cpp) differs
// from the paper, as OpenCV does, since the fitted models that can be had were made for it: gray of 8 bits, /
// 255, a Gaussian window of 7 x 7 with sigma 7/6 on repeated borders, deviation + 1/255, and a half-size
// picture by bicubic interpolation.
#pragma once

#include "gamut/io/image.h"

#include <array>
#include <string>

namespace gamut::rewards {

// Smaller pictures have a half-size copy that the window does not fit into.
inline constexpr int64_t kBrisqueLeastSide = 14;

struct BrisqueFeatures {
  // For scale 1 and 1/2: shape and mean variance of the normalized pixels; then, for their products with the
  // neighbor to the right, below, below right and above right: shape, mean, left and right variance. No unit.
  std::array<float, 36> values{};
  std::string failure;  // "" = measured; else why not (too small, too flat), and the values mean nothing
};

BrisqueFeatures brisque_features(const io::Image& image);

}  // namespace gamut::rewards
