// SPDX-License-Identifier: Apache-2.0
// Tonal variety of a set of pictures: DivGenBench's PVS (arXiv 2512.24146).
#pragma once

#include <ATen/core/Tensor.h>

namespace gamut::diversity {

// std(mean S) + std(mean V) + std(std of gray) over the set; per picture, over its pixels: mean saturation
// and mean value of HSV, and the standard deviation of the luma 0.299 R + 0.587 G + 0.114 B. All in [0, 1],
// of 8-bit pictures; standard deviations are those of the population. pictures [B, 3, H, W] in [0, 1]; 0 for
// one picture, at most 1.25.
double tonal_variety(const at::Tensor& pictures);

}  // namespace gamut::diversity
