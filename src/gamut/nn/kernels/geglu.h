// SPDX-License-Identifier: Apache-2.0
// Gated GELU: out = a * gelu(b) where a row of the input is (a, b); GELU with the exact normal distribution.
#pragma once

#include <cstdint>

namespace gamut::nn::kernels {

constexpr int64_t kGateMultiple = 16;

// in [rows, 2 * width], out [rows, width]; width is a multiple of kGateMultiple.
void geglu_forward(int64_t rows, int64_t width, const float* in, float* out);
void geglu_backward(int64_t rows, int64_t width, const float* in, const float* grad_out, float* grad_in);

}  // namespace gamut::nn::kernels
