// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/images.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

namespace gamut::nn {

at::Tensor images_to_tensor(std::span<const io::Image> images) {
  GAMUT_CHECK(!images.empty(), "no pictures");
  const int64_t height = images[0].height, width = images[0].width;
  // Pictures are rows of RGB triples, so the batch is channels-last without moving a byte.
  at::Tensor bytes = at::empty({int64_t(images.size()), height, width, 3}, at::kByte);
  for (size_t i = 0; i < images.size(); ++i) {
    GAMUT_CHECK(images[i].height == height && images[i].width == width, "picture ", i, " is ",
                images[i].width, "x", images[i].height, ", the first ", width, "x", height);
    std::copy(images[i].pixels.begin(), images[i].pixels.end(),
              bytes.mutable_data_ptr<uint8_t>() + int64_t(i) * height * width * 3);
  }
  return bytes.to(at::kFloat).div_(255.0).permute({0, 3, 1, 2});
}

std::vector<io::Image> tensor_to_images(const at::Tensor& pictures) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "pictures are [B, 3, H, W]; got ",
              pictures.sizes());
  const at::Tensor bytes = pictures.detach()
                               .to(at::kCPU, at::kFloat)
                               .clamp(0.0, 1.0)
                               .mul(255.0)
                               .round()
                               .permute({0, 2, 3, 1})
                               .to(at::kByte)
                               .contiguous();
  const int64_t height = bytes.size(1), width = bytes.size(2), size = height * width * 3;
  std::vector<io::Image> images;
  for (int64_t i = 0; i < bytes.size(0); ++i) {
    const uint8_t* begin = bytes.const_data_ptr<uint8_t>() + i * size;
    images.push_back({width, height, std::vector<uint8_t>(begin, begin + size)});
  }
  return images;
}

}  // namespace gamut::nn
