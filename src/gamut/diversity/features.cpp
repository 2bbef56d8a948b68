// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/features.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

namespace gamut::diversity {

at::Tensor pixel_features(const at::Tensor& pictures) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "shape ", pictures.sizes());
  return at::adaptive_avg_pool2d(pictures.to(at::kFloat).contiguous(), {8, 8}).flatten(1).mul(2).sub(1);
}

at::Tensor color_features(const at::Tensor& pictures) {
  const at::Tensor grid = pixel_features(pictures).view({pictures.size(0), 3, 8, 8});
  const at::Tensor all = grid.sum({2, 3}), inside = grid.narrow(2, 1, 6).narrow(3, 1, 6).sum({2, 3});
  const at::Tensor center = grid.narrow(2, 2, 4).narrow(3, 2, 4).mean({2, 3});
  return at::cat({(all - inside) / 28, center}, 1);
}

}  // namespace gamut::diversity
