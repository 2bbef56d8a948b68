// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/rms_norm.h"

#include <ATen/ATen.h>

namespace gamut::nn {

RmsNorm::RmsNorm(const Scope& scope, int64_t width, double epsilon)
    : weight(scope.get("weight", {width}, Init::ones())), eps(epsilon) {}

Tensor RmsNorm::operator()(const Tensor& x) const {
  // A sum of short numbers into one of fp32 would lose digits that a sum of fp32 keeps: mixed types take the
  // longer way.
  if (x.scalar_type() != weight.scalar_type())
    return at::rms_norm(x, weight.sizes(), {}, eps).to(weight.scalar_type()) * weight;
  return at::rms_norm(x, weight.sizes(), weight, eps);
}

}  // namespace gamut::nn
