// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/tonal.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace gamut::diversity {
namespace {

constexpr int64_t kTonalChunk = 16;  // pictures whose pixels are held in double at once

// Of the population, along the last of two dimensions.
at::Tensor deviation(const at::Tensor& values) {
  constexpr int64_t kLast[] = {1};
  return at::std(values, at::OptionalIntArrayRef(at::IntArrayRef(kLast)), /*unbiased=*/false);
}

// Mean saturation, mean value and deviation of gray of each picture, [B, 3] double on the CPU.
at::Tensor tones(const at::Tensor& pictures) {
  const at::Tensor rgb =
      pictures.to(at::kFloat).clamp(0, 1).mul(255).round().to(at::kDouble).div(255).flatten(2);
  const at::Tensor value = rgb.amax(1), chroma = value - rgb.amin(1);
  const at::Tensor saturation =
      at::where(value.gt(0), chroma / value.clamp_min(1.0 / 255), at::zeros_like(value));
  const at::Tensor gray = 0.299 * rgb.select(1, 0) + 0.587 * rgb.select(1, 1) + 0.114 * rgb.select(1, 2);
  return at::stack({saturation.mean(1), value.mean(1), deviation(gray)}, 1).to(at::kCPU);
}

}  // namespace

double tonal_variety(const at::Tensor& pictures) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3 && pictures.size(0) > 0, "shape ",
              pictures.sizes());
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < pictures.size(0); begin += kTonalChunk)
    parts.push_back(tones(pictures.narrow(0, begin, std::min(kTonalChunk, pictures.size(0) - begin))));
  return deviation(at::cat(parts).t()).sum().item<double>();
}

}  // namespace gamut::diversity
