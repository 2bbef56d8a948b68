// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/adapter.h"

#include "gamut/nn/convolution.h"
#include "gamut/nn/token_linear.h"

#include <ATen/ATen.h>

namespace gamut::nn {
namespace {

using at::Tensor;

Tensor scaled(const Tensor& x, double scale) { return scale == 1 ? x : x * scale; }

}  // namespace

Tensor add_adapters(const AdapterSlot& slot, const Tensor& x, const Tensor& y) {
  const Tensor from = x.to(at::kFloat);
  Tensor sum = y.to(at::kFloat);
  for (const LowRank& part : slot.parts) {
    // flatten(1): the factors of a 1x1 convolution are the matrices that they look like.
    const Tensor inner = project(from, {part.down.flatten(1), std::nullopt});
    sum = project(scaled(inner, part.scale), {part.up.flatten(1), std::nullopt}, sum);
  }
  return sum.to(y.scalar_type());
}

Tensor add_adapters(const AdapterSlot& slot, const Tensor& x, const Tensor& y, const ConvGeometry& geometry) {
  const Tensor from = x.to(at::kFloat);
  Tensor sum = y.to(at::kFloat);
  for (const LowRank& part : slot.parts) {
    const Tensor inner = convolve(from, part.down, std::nullopt, geometry);
    sum = sum + convolve(scaled(inner, part.scale), part.up, std::nullopt, {1, 0});
  }
  return sum.to(y.scalar_type());
}

Tensor weight_change(const LowRank& part) {
  const Tensor down = part.down.to(at::kFloat), up = part.up.to(at::kFloat);
  std::vector<int64_t> shape = down.sizes().vec();
  shape[0] = up.size(0);
  return at::mm(up.flatten(1), down.flatten(1)).mul(part.scale).view(shape);
}

}  // namespace gamut::nn
