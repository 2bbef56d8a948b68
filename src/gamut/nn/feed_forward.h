// SPDX-License-Identifier: Apache-2.0
// The feed-forward half of a transformer block in one step: y = residual + out(geglu(proj(x))).
//
// fp32 on the CPU goes through the rows in chunks, so that the inner activations, eight times as wide as the
// tokens, never leave the cache: without grad mode they are not stored at all, with it only proj's output is,
// and the way back neither stores their gradients. Everything else takes PyTorch's operations, step by step.
#pragma once

#include "gamut/nn/token_linear.h"

namespace gamut::nn {

struct FeedForwardWeights {
  LinearWeights proj;  // [2 inner, width]
  LinearWeights out;   // [width, inner]
};

// x and residual [..., width].
at::Tensor feed_forward(const at::Tensor& x, const FeedForwardWeights& weights, const at::Tensor& residual);
// The same by PyTorch's operations.
at::Tensor plain_feed_forward(const at::Tensor& x, const FeedForwardWeights& weights,
                              const at::Tensor& residual);

}  // namespace gamut::nn
