// SPDX-License-Identifier: Apache-2.0
// The plain layers, named and shaped as PyTorch's. Each holds its tensors and is called on a tensor:
//
//   Linear project(scope["to_q"], 64, 64);
//   Tensor query = project(x);              // [..., 64] -> [..., 64]
//
// Pictures are [B, C, H, W] in channels-last memory; every layer keeps that layout.
#pragma once

#include "gamut/nn/params.h"
#include "gamut/nn/token_linear.h"

#include <optional>

namespace gamut::nn {

struct LinearInit {
  Init weight, bias;
};

// Held in int8 where the store says so: frozen then (int8.h).
struct Linear {
  Linear(const Scope& scope, int64_t in, int64_t out, bool with_bias = true);
  Linear(const Scope& scope, int64_t in, int64_t out, const LinearInit& init);
  Tensor operator()(const Tensor& x) const;
  Tensor plus(const Tensor& x, const Tensor& residual) const;  // residual + the layer's output
  LinearWeights weights() const { return {weight, bias, scale}; }
  Tensor weight;               // [out, in]
  Tensor scale;                // [out], of an int8 weight; else undefined
  std::optional<Tensor> bias;  // [out]
  AdapterHandle adapters;

 private:
  Linear(const Scope& scope, const Matrix& matrix)
      : weight(matrix.weight), scale(matrix.scale), adapters(scope.adapter_slot(weight)) {}
};

struct Conv2dOptions {
  int64_t kernel = 3, stride = 1, padding = 1;
};

struct Conv2d {
  Conv2d(const Scope& scope, int64_t in, int64_t out, const Conv2dOptions& options = {});
  Tensor operator()(const Tensor& x) const;
  Tensor weight;  // [out, in, kernel, kernel]
  Tensor bias;    // [out]
  AdapterHandle adapters;
  Conv2dOptions options;
};

// A 1x1 convolution, computed as the matrix product it is; accepts [B, C, H, W].
struct PointwiseConv2d {
  PointwiseConv2d(const Scope& scope, int64_t in, int64_t out);
  Tensor operator()(const Tensor& x) const;
  // [..., in] -> [..., out], plus `residual` of that shape if given.
  Tensor on_tokens(const Tensor& x, const std::optional<Tensor>& residual = std::nullopt) const;
  Tensor weight;  // [out, in, 1, 1]
  Tensor bias;    // [out]
  AdapterHandle adapters;
};

struct GroupNormOptions {
  int64_t groups = 32;
  double eps = 1e-5;
};

struct GroupNorm {
  GroupNorm(const Scope& scope, int64_t channels, const GroupNormOptions& options);
  Tensor operator()(const Tensor& x) const;
  // silu(norm(x + shift)); shift [B or 1, channels], undefined for none.
  Tensor silu(const Tensor& x, const Tensor& shift = {}) const;
  Tensor weight, bias;  // [channels]
  GroupNormOptions options;
};

struct LayerNorm {
  LayerNorm(const Scope& scope, int64_t width, double eps = 1e-5);
  Tensor operator()(const Tensor& x) const;  // over the last dimension
  Tensor weight, bias;                       // [width]
  double eps;
};

struct Embedding {
  Embedding(const Scope& scope, int64_t count, int64_t width, const Init& init = Init::normal(1.0));
  Tensor operator()(const Tensor& ids) const;  // int64 [...] -> [..., width]
  Tensor weight;                               // [count, width]
};

// [B, C, H, W] in channels-last memory to [B, H*W, C] and back, without copying.
Tensor to_tokens(const Tensor& x);
Tensor from_tokens(const Tensor& tokens, int64_t height, int64_t width);

}  // namespace gamut::nn
