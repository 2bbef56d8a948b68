// SPDX-License-Identifier: Apache-2.0
// 3x3 convolutions by tiles of 2x2 outputs (kernels/winograd.h), which take less than half the products.
// fp32 on the CPU; x [B, in, H, W] and y [B, out, H, W] channels-last.
#pragma once

#include "gamut/nn/convolution.h"

namespace gamut::nn {

// Whether a convolution with this weight [out, in, k, k] can be done so.
bool fits_tiles(const at::Tensor& weight, const ConvGeometry& geometry);

at::Tensor convolve_tiles(const at::Tensor& x, const at::Tensor& weight,
                          const std::optional<at::Tensor>& bias);
// The gradient of x.
at::Tensor tiled_input_gradient(const at::Tensor& grad_y, const at::Tensor& weight);
// The gradient of the weight [out, in, 3, 3]; the same whatever the number of threads.
at::Tensor tiled_weight_gradient(const at::Tensor& x, const at::Tensor& grad_y);

}  // namespace gamut::nn
