// SPDX-License-Identifier: Apache-2.0
// config.json of transformers' ViTModel and Dinov2Model.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gamut::models {

struct VitConfig {
  bool dinov2 = false;  // Dinov2Model: layer scales, its own names, positions interpolated
  int64_t hidden_size = 768, intermediate_size = 3072, layers = 12, heads = 12;
  int64_t image_size = 224, patch_size = 16;
  double layer_norm_eps = 1e-12;
  bool qkv_bias = true, swiglu = false;
  int64_t grid() const { return image_size / patch_size; }
};

// DataError naming key and value for whatever is not computed here.
VitConfig parse_vit_config(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
