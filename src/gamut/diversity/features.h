// SPDX-License-Identifier: Apache-2.0
// Features that need no network.
#pragma once

#include <ATen/core/Tensor.h>

namespace gamut::diversity {

// Pictures [B, 3, H, W] in [0, 1] averaged over an 8x8 grid of equal areas: [B, 192] fp32, channel-major, in
// [-1, 1]: with gray as the origin, a cosine kernel tells dark from light.
at::Tensor pixel_features(const at::Tensor& pictures);

}  // namespace gamut::diversity
