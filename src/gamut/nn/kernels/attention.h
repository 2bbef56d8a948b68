// SPDX-License-Identifier: Apache-2.0
// Attention of one head with few tokens: softmax(q k^T * scale) v, forward and backward.
//
// PyTorch's CPU flash attention spends most of its time on calls when a head is 8 to 64 wide and has a few
// hundred tokens. Here sixteen queries (backward: also sixteen keys) fill the lanes, so that every step is a
// multiply-add of a vector with a broadcast number, and no lane is ever summed across.
#pragma once

#include <cstdint>

namespace gamut::nn::kernels {

constexpr int64_t kMaxHeadWidth = 64;  // a multiple of 8 up to this
constexpr int64_t kMaxHeadTokens = 1024;

struct HeadShape {
  int64_t queries = 0, keys = 0;
  int64_t width = 0;
  float scale = 1;
};

// A matrix whose rows are `stride` floats apart.
template <class Float>
struct Rows {
  Float* data;
  int64_t stride;
};
using ConstRows = Rows<const float>;
using MutableRows = Rows<float>;

struct HeadInput {
  ConstRows q, k, v;
};

// Floats of `scratch` for both directions.
constexpr int64_t attention_scratch(const HeadShape& shape) {
  return 32 * (shape.queries > shape.keys ? shape.queries : shape.keys) + 16;
}

// log_sum [queries]: the logarithm of each softmax's denominator, for the way back.
void attention_forward(const HeadShape& shape, const HeadInput& in, MutableRows out, float* log_sum,
                       float* scratch);

struct HeadOutput {
  ConstRows out, grad_out;
  const float* log_sum;
};
struct HeadGradients {
  MutableRows q, k, v;
};
// `delta` [queries] is a second scratch.
void attention_backward(const HeadShape& shape, const HeadInput& in, const HeadOutput& output,
                        const HeadGradients& grad, float* delta, float* scratch);

}  // namespace gamut::nn::kernels
