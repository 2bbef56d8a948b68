// SPDX-License-Identifier: Apache-2.0
// Root-mean-square norm (Zhang and Sennrich 2019): x / sqrt(mean(x²) + eps) · weight over the last dimension,
// in fp32 inside.
#pragma once

#include "gamut/nn/params.h"

namespace gamut::nn {

struct RmsNorm {
  RmsNorm(const Scope& scope, int64_t width, double eps = 1e-6);
  Tensor operator()(const Tensor& x) const;  // in the weight's type
  Tensor weight;                             // [width]
  double eps;
};

}  // namespace gamut::nn
