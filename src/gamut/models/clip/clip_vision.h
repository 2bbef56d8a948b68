// SPDX-License-Identifier: Apache-2.0
// transformers' CLIPVisionModel: preprocessed pixels to one vector per picture.
#pragma once

#include "gamut/models/clip/clip_encoder.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gamut::models {

struct ClipVisionConfig : ClipEncoderConfig {
  ClipVisionConfig() : ClipEncoderConfig{.hidden_size = 768, .intermediate_size = 3072, .heads = 12} {}
  int64_t image_size = 224, patch_size = 32;
  double initializer_range = 0.02;
  int64_t patches() const { return (image_size / patch_size) * (image_size / patch_size); }
};

// DataError naming key and value for whatever is not computed here.
ClipVisionConfig parse_clip_vision_config(const nlohmann::json& json, const std::string& file);

class ClipVisionModel {
 public:
  ClipVisionModel(const ClipVisionConfig& config, const nn::Scope& scope);
  // pixels [B, 3, image_size, image_size] -> the class token's state after the last norm, [B, hidden_size].
  Tensor operator()(const Tensor& pixels) const;
  const ClipVisionConfig& config() const { return config_; }

 private:
  Tensor embed_patches(const Tensor& pixels) const;

  ClipVisionConfig config_;
  Tensor class_embedding_, patch_weight_;
  nn::Embedding position_embedding_;
  nn::LayerNorm pre_norm_;
  ClipEncoder encoder_;
  nn::LayerNorm post_norm_;
};

}  // namespace gamut::models
