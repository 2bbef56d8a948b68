// SPDX-License-Identifier: Apache-2.0
// diffusers' Transformer2DModel on continuous pictures: pixels become tokens that attend to each other and to
// the prompt.
#pragma once

#include "gamut/nn/attention.h"

#include <optional>
#include <vector>

namespace gamut::nn {

struct TransformerOptions {
  int64_t channels = 0, heads = 8, layers = 1;
  int64_t context_width = 0;  // of the prompt's tokens
  int64_t norm_groups = 32;
  bool use_linear_projection = false;  // proj_in and proj_out are Linear instead of 1x1 convolutions
  bool only_cross_attention = false;   // attn1 looks at the prompt too
  bool upcast_attention = false;
};

// Linear to 2 x 4 width, first half times GELU of the second, Linear back: net.0.proj and net.2.
struct GegluFeedForward {
  GegluFeedForward(const Scope& scope, int64_t width);
  Tensor operator()(const Tensor& x, const Tensor& residual) const;  // residual + the network of x
  Linear proj, out;
};

struct BasicTransformerBlock {
  BasicTransformerBlock(const Scope& scope, const TransformerOptions& options);
  Tensor operator()(const Tensor& tokens, const Tensor& context) const;
  LayerNorm norm1;
  Attention attn1;
  LayerNorm norm2;
  Attention attn2;
  LayerNorm norm3;
  GegluFeedForward ff;
  bool only_cross_attention;
};

struct Transformer2D {
  Transformer2D(const Scope& scope, const TransformerOptions& options);
  Tensor operator()(const Tensor& x,
                    const Tensor& context) const;  // x [B, C, H, W], context [B, L, context_width]

  GroupNorm norm;
  std::optional<Linear> linear_in, linear_out;
  std::optional<PointwiseConv2d> conv_in, conv_out;
  std::vector<BasicTransformerBlock> blocks;
};

}  // namespace gamut::nn
