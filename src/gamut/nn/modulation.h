// SPDX-License-Identifier: Apache-2.0
// How a transformer block is told of time and prompt (adaLN, Peebles and Xie 2022): a layer norm without
// weights, whose scale and shift, and gates of what the block adds, come from one vector per picture.
#pragma once

#include "gamut/nn/layers.h"

#include <vector>

namespace gamut::nn {

// diffusers' AdaLayerNorm…: `linear` makes `parts` vectors of the tokens' width.
struct Modulation {
  Modulation(const Scope& scope, int64_t width, int64_t parts);
  // signal [B, width], after its SiLU; `parts` times [B, 1, width]
  std::vector<Tensor> operator()(const Tensor& signal) const;
  Linear linear;
  int64_t parts;
};

Tensor plain_layer_norm(const Tensor& x);  // without weights, eps 1e-6
// normed · (1 + scale) + shift
Tensor modulated(const Tensor& normed, const Tensor& shift, const Tensor& scale);
// x + gate · change
Tensor gated(const Tensor& x, const Tensor& gate, const Tensor& change);

// The norm before the last layer: diffusers' AdaLayerNormContinuous.
struct FinalModulation {
  FinalModulation(const Scope& scope, int64_t width) : modulation(scope, width, 2) {}
  Tensor operator()(const Tensor& x, const Tensor& signal) const;
  Modulation modulation;
};

// diffusers' FeedForward with "gelu-approximate": net.0.proj, GELU by tanh, net.2.
struct GeluFeedForward {
  GeluFeedForward(const Scope& scope, int64_t width, int64_t inner);
  Tensor operator()(const Tensor& x) const;
  Linear proj, out;
};

}  // namespace gamut::nn
