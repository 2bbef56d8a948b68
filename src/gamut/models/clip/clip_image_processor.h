// SPDX-License-Identifier: Apache-2.0
// transformers' CLIPImageProcessor: any picture to the pixels that the vision tower expects.
//
// Pictures become 8-bit first (rounded half to even), as they are in a file; then bicubic resizing with
// antialias, center crop, normalization. On 8-bit pictures the result is that of transformers' default
// processor (torchvision) up to the rounding of fp32, 1e-6; the processor on PIL rounds the weights of its
// filter otherwise and differs by at most one level, 1/255, before normalization. Where nothing is resized
// both agree up to 1e-6.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gamut::models {

struct ClipImageProcessorConfig {
  bool do_resize = true, do_center_crop = true, do_rescale = true, do_normalize = true;
  int64_t shortest_edge = 224;    // 0: `height` and `width` instead
  int64_t height = 0, width = 0;  // of the resized picture, whatever its proportions
  bool bilinear = false;          // how it is resized; else bicubic
  int64_t crop_height = 224, crop_width = 224;
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> std = {0.26862954, 0.26130258, 0.27577711};
};

// DataError naming key and value for whatever is not computed here (resample must be 3, bicubic).
ClipImageProcessorConfig parse_clip_image_processor(const nlohmann::json& json, const std::string& file);

class ClipImageProcessor {
 public:
  explicit ClipImageProcessor(const ClipImageProcessorConfig& config) : config_(config) {}
  // [B, 3, H, W] in [0, 1] -> [B, 3, crop_height, crop_width] fp32 on the pictures' device; without gradient.
  at::Tensor operator()(const at::Tensor& pictures) const;
  const ClipImageProcessorConfig& config() const { return config_; }

 private:
  at::Tensor resize(const at::Tensor& bytes) const;
  at::Tensor crop(const at::Tensor& bytes) const;
  ClipImageProcessorConfig config_;
};

}  // namespace gamut::models
