// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/features.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace gamut::diversity {

at::Tensor pixel_features(const at::Tensor& pictures) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "shape ", pictures.sizes());
  return at::adaptive_avg_pool2d(pictures.to(at::kFloat).contiguous(), {8, 8}).flatten(1).mul(2).sub(1);
}

at::Tensor principal_components(const at::Tensor& features, const std::vector<std::vector<int64_t>>& groups,
                                int64_t rank) {
  at::Tensor centered = features.to(at::kDouble).clone();
  for (const std::vector<int64_t>& rows : groups) {
    const at::Tensor index = at::tensor(rows, at::kLong);
    const at::Tensor own = centered.index_select(0, index);
    centered.index_copy_(0, index, own - own.mean(0, true));
  }
  // Eigenvectors of the B x B Gram matrix: coordinates are u_k sqrt(lambda_k).
  const auto [values, vectors] = at::linalg_eigh(centered.matmul(centered.t()));
  const int64_t kept = std::min(rank, features.size(0));
  const at::Tensor largest = values.narrow(0, values.size(0) - kept, kept).clamp_min(0).sqrt();
  return (vectors.narrow(1, vectors.size(1) - kept, kept) * largest).flip({1});
}

}  // namespace gamut::diversity
