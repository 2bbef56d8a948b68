// SPDX-License-Identifier: Apache-2.0
// Multi-head attention over tokens.
#pragma once

#include "gamut/nn/layers.h"

namespace gamut::nn {

// softmax(q k^T / sqrt(head width)) v per head. q [B, Lq, W], k and v [B, Lk, W], W = heads x head width;
// the result is [B, Lq, W]. `causal`: token i sees tokens 0 … i only.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, bool causal = false);

// The same with `bias` [1, heads, Lq, Lk] added to the scores, which are q k^T as they are.
Tensor attend_biased(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias);

struct AttentionOptions {
  int64_t width = 0;          // of the tokens that ask
  int64_t context_width = 0;  // of the tokens that answer; 0 = the asking ones themselves
  int64_t heads = 8;
  bool upcast = false;  // fp32 inside attention when the network computes in a shorter type
};

// diffusers' Attention: to_q, to_k, to_v without bias and to_out.0.
struct Attention {
  Attention(const Scope& scope, const AttentionOptions& options);
  // residual + the attention of x to context.
  Tensor operator()(const Tensor& x, const Tensor& context, const Tensor& residual) const;
  Linear to_q, to_k, to_v, to_out;
  AttentionOptions options;
};

}  // namespace gamut::nn
