// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/picture_batches.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace gamut::rewards {

at::Tensor in_batches(const at::Tensor& pictures, int64_t batch, int64_t width,
                      const std::function<at::Tensor(const at::Tensor&)>& embed) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "pictures are [B, 3, H, W]; got ",
              pictures.sizes());
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> parts = {at::empty({0, width}, at::kFloat)};
  for (int64_t begin = 0; begin < pictures.size(0); begin += batch) {
    const int64_t length = std::min(batch, pictures.size(0) - begin);
    const at::Tensor part = pictures.narrow(0, begin, length).to(at::kFloat);
    const at::Tensor lost = part.isfinite().flatten(1).all(1).logical_not().unsqueeze(1).to(at::kCPU);
    const at::Tensor filled =
        at::constant_pad_nd(part.nan_to_num(0, 0, 0), {0, 0, 0, 0, 0, 0, 0, batch - length});
    const at::Tensor embedded = embed(filled).narrow(0, 0, length).to(at::kCPU, at::kFloat);
    parts.push_back(embedded.masked_fill(lost, std::numeric_limits<double>::quiet_NaN()));
  }
  return at::cat(parts);
}

}  // namespace gamut::rewards
