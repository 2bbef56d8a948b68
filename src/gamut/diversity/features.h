// SPDX-License-Identifier: Apache-2.0
// Features that need no network.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::diversity {

// Pictures [B, 3, H, W] in [0, 1] averaged over an 8x8 grid of equal areas: [B, 192] fp32, channel-major, in
// [-1, 1]: with gray as the origin, a cosine kernel tells dark from light.
at::Tensor pixel_features(const at::Tensor& pictures);

// The `rank` directions along which features [B, d] vary most, after each group's mean (rows `groups[g]`) is taken
// out: coordinates [B, min(rank, B)] double, by descending variance. Signs are arbitrary.
at::Tensor principal_components(const at::Tensor& features, const std::vector<std::vector<int64_t>>& groups,
                                int64_t rank);

}  // namespace gamut::diversity
