// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/modulation.h"

#include "gamut/nn/gelu_tanh.h"

#include <ATen/ATen.h>

namespace gamut::nn {

Modulation::Modulation(const Scope& scope, int64_t width, int64_t part_count)
    : linear(scope["linear"], width, part_count * width), parts(part_count) {}

std::vector<Tensor> Modulation::operator()(const Tensor& signal) const {
  return linear(signal).unsqueeze(1).chunk(parts, 2);
}

Tensor plain_layer_norm(const Tensor& x) { return at::layer_norm(x, {x.size(-1)}, {}, {}, 1e-6); }

Tensor modulated(const Tensor& normed, const Tensor& shift, const Tensor& scale) {
  return at::addcmul(shift, normed, 1 + scale);
}

Tensor gated(const Tensor& x, const Tensor& gate, const Tensor& change) {
  return at::addcmul(x, gate, change);
}

Tensor FinalModulation::operator()(const Tensor& x, const Tensor& signal) const {
  const std::vector<Tensor> parts = modulation(signal);  // the scale comes first here
  return modulated(plain_layer_norm(x), parts[1], parts[0]);
}

GeluFeedForward::GeluFeedForward(const Scope& scope, int64_t width, int64_t inner)
    : proj(scope["net"][0]["proj"], width, inner), out(scope["net"][2], inner, width) {}

Tensor GeluFeedForward::operator()(const Tensor& x) const { return out(gelu_tanh(proj(x))); }

}  // namespace gamut::nn
