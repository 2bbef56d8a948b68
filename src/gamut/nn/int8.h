// SPDX-License-Identifier: Apache-2.0
// The matrix of a frozen linear layer as int8 numbers, with a scale per output channel (row): a half of what
// bf16 takes. Symmetric, by the largest number of each row (row-wise absmax quantization; Dettmers et al.
// 2022, "LLM.int8()", section 2.1):
//
//   scale_o = max_i |w_oi| / 127,   values_oi = round(w_oi / scale_o) in -127 … 127
//
// Products are made with values * scale in the type of what comes in; activations are never quantized. So a
// number is off by at most scale_o / 2, and gradients with respect to the input are those of a layer that
// holds values * scale.
#pragma once

#include <ATen/core/Tensor.h>

namespace gamut::nn {

struct Int8Rows {
  at::Tensor values;  // [out, in] int8
  at::Tensor scale;   // [out] fp32; 1 for a row of zeros
};

// Of a matrix [out, in] of any floating-point type, on its device. Needs one copy of it in fp32 meanwhile; on
// the CPU of a block of rows.
Int8Rows quantized(const at::Tensor& weight);

// values * scale, rounded once to `type`. [out, in]
at::Tensor dequantized(const Int8Rows& rows, at::ScalarType type);

}  // namespace gamut::nn
