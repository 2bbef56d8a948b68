// SPDX-License-Identifier: Apache-2.0
// 8-bit pictures to tensors and back.
#pragma once

#include "gamut/io/image.h"

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

namespace gamut::nn {

// [B, 3, H, W] fp32 in [0, 1], channels-last. All pictures of one size.
at::Tensor images_to_tensor(std::span<const io::Image> images);
// From [B, 3, H, W] in [0, 1]: clamped, x255, rounded half to even, as diffusers' VaeImageProcessor does.
std::vector<io::Image> tensor_to_images(const at::Tensor& pictures);

}  // namespace gamut::nn
