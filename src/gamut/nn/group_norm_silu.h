// SPDX-License-Identifier: Apache-2.0
// Group normalization fused with what stands around it in a U-Net: y = silu(group_norm(x + shift)).
//
// fp32 channels-last pictures on the CPU take the kernel of kernels/group_norm.h, forward and backward;
// everything else takes PyTorch's operations. A sample's result depends on that sample alone, bit for bit:
// not on the batch, the number of threads or grad mode.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gamut::nn {

enum class NormActivation { kNone, kSilu };

struct GroupNormArguments {
  at::Tensor shift;         // [B or 1, C], added to every pixel first; undefined = none
  at::Tensor weight, bias;  // [C]
  int64_t groups = 32;
  double eps = 1e-5;
  NormActivation activation = NormActivation::kNone;
};

// x [B, C, H, W].
at::Tensor fused_group_norm(const at::Tensor& x, const GroupNormArguments& arguments);
// The same by PyTorch's operations.
at::Tensor plain_group_norm(const at::Tensor& x, const GroupNormArguments& arguments);

}  // namespace gamut::nn
