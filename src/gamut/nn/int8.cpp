// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/int8.h"

#include "gamut/core/error.h"
#include "gamut/nn/weight_blocks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace gamut::nn {
namespace {

using at::Tensor;

constexpr double kLargest = 127;

void quantize(const Tensor& weight, const Int8Rows& rows) {
  Tensor scaled = weight.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  const Tensor largest = at::maximum(scaled.amax(1), -scaled.amin(1)) / kLargest;
  rows.scale.copy_(at::where(largest > 0, largest, at::ones_like(largest)));
  rows.values.copy_(scaled.div_(rows.scale.unsqueeze(1)).round_().clamp_(-kLargest, kLargest));
}

}  // namespace

Int8Rows quantized(const Tensor& weight) {
  const at::NoGradGuard no_grad;
  GAMUT_CHECK(weight.dim() == 2 && weight.is_floating_point(), "weight is ", weight.sizes());
  const Int8Rows rows{at::empty(weight.sizes(), weight.options().dtype(at::kChar)),
                      at::empty({weight.size(0)}, weight.options().dtype(at::kFloat))};
  if (weight.is_meta()) return rows;
  for_weight_blocks(weight, weight.size(0), weight.size(1), [&](int64_t first, int64_t count) {
    quantize(weight.detach().narrow(0, first, count),
             {rows.values.narrow(0, first, count), rows.scale.narrow(0, first, count)});
  });
  return rows;
}

Tensor dequantized(const Int8Rows& rows, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  // On the CPU mul_out makes a copy of the numbers in fp32 first, which here is the result.
  if (type == at::kFloat) return rows.values.to(type).mul_(rows.scale.unsqueeze(1));
  Tensor weight = at::empty(rows.values.sizes(), rows.values.options().dtype(type));
  at::mul_out(weight, rows.values, rows.scale.unsqueeze(1));
  return weight;
}

}  // namespace gamut::nn
