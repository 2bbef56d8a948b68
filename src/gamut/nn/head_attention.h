// SPDX-License-Identifier: Apache-2.0
// Attention over few tokens on the CPU, by the kernel of kernels/attention.h, with its backward pass. A
// sample's result depends on that sample alone, bit for bit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gamut::nn {

// Whether head_attention computes these: fp32 on the CPU, heads 8, 16, … 64 wide, at most 1,024 tokens.
bool fits_head_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads);
// q [B, Lq, W], k and v [B, Lk, W] to [B, Lq, W].
at::Tensor head_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads);

}  // namespace gamut::nn
