// SPDX-License-Identifier: Apache-2.0
// The gate of diffusers' GEGLU: x = (a, b) along the last dimension gives a * gelu(b).
#pragma once

#include <ATen/core/Tensor.h>

namespace gamut::nn {

// x [..., 2 W] to [..., W]. fp32 on the CPU takes the kernel of kernels/geglu.h, everything else PyTorch's
// operations.
at::Tensor geglu(const at::Tensor& x);
at::Tensor plain_geglu(const at::Tensor& x);

}  // namespace gamut::nn
