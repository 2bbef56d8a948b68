// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/features.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

namespace gamut::diversity {

at::Tensor pixel_features(const at::Tensor& pictures) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "shape ", pictures.sizes());
  return at::adaptive_avg_pool2d(pictures.to(at::kFloat).contiguous(), {8, 8}).flatten(1).mul(2).sub(1);
}

}  // namespace gamut::diversity
