// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/clip_pictures.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace gamut::rewards {
namespace {

// Kernels may sum in another order for another batch size, so the network always sees this many pictures.
constexpr int64_t kChunk = 16;

at::Tensor pad_to_chunk(const at::Tensor& pictures) {
  return at::constant_pad_nd(pictures, {0, 0, 0, 0, 0, 0, 0, kChunk - pictures.size(0)});
}

}  // namespace

at::Tensor clip_picture_embeddings(const models::Clip& clip, const at::Tensor& pictures) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "pictures are [B, 3, H, W]; got ",
              pictures.sizes());
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> parts = {at::empty({0, clip.config().projection_dim}, at::kFloat)};
  for (int64_t begin = 0; begin < pictures.size(0); begin += kChunk) {
    const int64_t length = std::min(kChunk, pictures.size(0) - begin);
    const at::Tensor part = pictures.narrow(0, begin, length).to(at::kFloat);
    const at::Tensor lost = part.isfinite().flatten(1).all(1).logical_not().unsqueeze(1).to(at::kCPU);
    const at::Tensor pixels = clip.preprocess(pad_to_chunk(part.nan_to_num(0, 0, 0)));
    const at::Tensor embedded = clip.image_embeddings(pixels).narrow(0, 0, length).to(at::kCPU, at::kFloat);
    parts.push_back(embedded.masked_fill(lost, std::numeric_limits<double>::quiet_NaN()));
  }
  return at::cat(parts);
}

}  // namespace gamut::rewards
