// SPDX-License-Identifier: Apache-2.0
// Convolutions on the fastest path each device has.
//
// fp32 channels-last on the CPU: 3x3 by tiles (tiled_convolution.h); else oneDNN forward and for the input's
// gradient, kernels/weight_gradient.h for the weights'. Everything else takes PyTorch's operations.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace gamut::nn {

struct ConvGeometry {
  int64_t stride = 1, padding = 0;
};

// x [B, in, H, W] channels-last, weight [out, in, k, k], bias [out].
at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                    const ConvGeometry& geometry);

}  // namespace gamut::nn
