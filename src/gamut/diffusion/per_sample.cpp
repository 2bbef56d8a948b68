// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/per_sample.h"

#include <ATen/ATen.h>

#include <numeric>
#include <vector>

namespace gamut::diffusion {
namespace {

std::vector<int64_t> element_dims(const at::Tensor& x) {
  std::vector<int64_t> dims(size_t(x.dim() - 1));
  std::iota(dims.begin(), dims.end(), 1);
  return dims;
}

}  // namespace

at::Tensor mean_per_sample(const at::Tensor& x) { return x.mean(element_dims(x)); }

at::Tensor sum_per_sample(const at::Tensor& x) { return x.sum(element_dims(x)); }

at::Tensor per_sample(const at::Tensor& values, int64_t rank) {
  std::vector<int64_t> shape(size_t(rank), 1);
  shape.front() = -1;
  return values.view(shape);
}

}  // namespace gamut::diffusion
