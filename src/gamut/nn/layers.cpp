// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/layers.h"

#include "gamut/nn/convolution.h"
#include "gamut/nn/group_norm_silu.h"
#include "gamut/nn/token_linear.h"

#include <ATen/ATen.h>

namespace gamut::nn {

Linear::Linear(const Scope& scope, int64_t in, int64_t out, bool with_bias)
    : Linear(scope, scope.matrix({out, in}, Init::uniform_fan_in(in))) {
  if (with_bias) {
    bias = scope.get("bias", {out}, Init::uniform_fan_in(in));
  }
}

Linear::Linear(const Scope& scope, int64_t in, int64_t out, const LinearInit& init)
    : Linear(scope, scope.matrix({out, in}, init.weight)) {
  bias = scope.get("bias", {out}, init.bias);
}

Tensor Linear::operator()(const Tensor& x) const {
  const Tensor y = project(x, weights());
  return adapters->active() ? add_adapters(*adapters, x, y) : y;
}

Tensor Linear::plus(const Tensor& x, const Tensor& residual) const {
  const Tensor y = project(x, weights(), residual);
  return adapters->active() ? add_adapters(*adapters, x, y) : y;
}

Conv2d::Conv2d(const Scope& scope, int64_t in, int64_t out, const Conv2dOptions& conv)
    : weight(scope.get("weight", {out, in, conv.kernel, conv.kernel},
                       Init::uniform_fan_in(in * conv.kernel * conv.kernel))),
      bias(scope.get("bias", {out}, Init::uniform_fan_in(in * conv.kernel * conv.kernel))),
      adapters(scope.adapter_slot(weight)),
      options(conv) {}

Tensor Conv2d::operator()(const Tensor& x) const {
  const ConvGeometry geometry{options.stride, options.padding};
  const Tensor y = convolve(x, weight, bias, geometry);
  return adapters->active() ? add_adapters(*adapters, x, y, geometry) : y;
}

PointwiseConv2d::PointwiseConv2d(const Scope& scope, int64_t in, int64_t out)
    : weight(scope.get("weight", {out, in, 1, 1}, Init::uniform_fan_in(in))),
      bias(scope.get("bias", {out}, Init::uniform_fan_in(in))),
      adapters(scope.adapter_slot(weight)) {}

Tensor PointwiseConv2d::on_tokens(const Tensor& x, const std::optional<Tensor>& residual) const {
  const Tensor y = project(x, {weight.flatten(1), bias}, residual);
  return adapters->active() ? add_adapters(*adapters, x, y) : y;
}

Tensor PointwiseConv2d::operator()(const Tensor& x) const {
  return from_tokens(on_tokens(to_tokens(x)), x.size(2), x.size(3));
}

GroupNorm::GroupNorm(const Scope& scope, int64_t channels, const GroupNormOptions& norm)
    : weight(scope.get("weight", {channels}, Init::ones())),
      bias(scope.get("bias", {channels}, Init::zeros())),
      options(norm) {}

Tensor GroupNorm::operator()(const Tensor& x) const {
  return fused_group_norm(x, {{}, weight, bias, options.groups, options.eps, NormActivation::kNone});
}

Tensor GroupNorm::silu(const Tensor& x, const Tensor& shift) const {
  return fused_group_norm(x, {shift, weight, bias, options.groups, options.eps, NormActivation::kSilu});
}

LayerNorm::LayerNorm(const Scope& scope, int64_t width, double epsilon)
    : weight(scope.get("weight", {width}, Init::ones())),
      bias(scope.get("bias", {width}, Init::zeros())),
      eps(epsilon) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

Embedding::Embedding(const Scope& scope, int64_t count, int64_t width, const Init& init)
    : weight(scope.get("weight", {count, width}, init)) {}

Tensor Embedding::operator()(const Tensor& ids) const { return at::embedding(weight, ids); }

Tensor to_tokens(const Tensor& x) { return x.permute({0, 2, 3, 1}).flatten(1, 2); }

Tensor from_tokens(const Tensor& tokens, int64_t height, int64_t width) {
  return tokens.unflatten(1, at::IntArrayRef{height, width}).permute({0, 3, 1, 2});
}

}  // namespace gamut::nn
