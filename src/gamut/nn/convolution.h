// SPDX-License-Identifier: Apache-2.0
// Convolutions and linear layers on the fastest path each device has.
//
// fp32 on the CPU: oneDNN's convolutions forward and for the input's gradient, kernels/weight_gradient.h for
// the weights'. A linear layer on tokens is the 1x1 convolution it is: oneDNN runs those at twice the speed
// of the BLAS behind at::linear on many CPUs, and adds the bias on the way. Everything else takes PyTorch's
// operations.
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
// x [..., in], weight [out, in], bias [out] to [..., out].
at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias);

}  // namespace gamut::nn
