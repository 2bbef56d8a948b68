// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/discrepancy.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace gamut::diversity {

std::vector<double> mmd_witness(const at::Tensor& distances, const at::Tensor& to_others, double width) {
  const int64_t size = distances.size(0);
  GAMUT_CHECK(distances.size(1) == size && to_others.size(0) == size && width > 0, size, " pictures, width ",
              width);
  const auto kernel = [&](const at::Tensor& d) { return (d / width).square().mul(-0.5).exp(); };
  // The diagonal's 1 is not of another member.
  const at::Tensor own = (kernel(distances).sum(1) - 1) / double(std::max<int64_t>(1, size - 1));
  const at::Tensor witness = (kernel(to_others).mean(1) - own).contiguous();
  const double* values = witness.const_data_ptr<double>();
  return {values, values + size};
}

}  // namespace gamut::diversity
