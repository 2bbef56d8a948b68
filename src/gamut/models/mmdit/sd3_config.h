// SPDX-License-Identifier: Apache-2.0
// transformer/config.json as diffusers' SD3Transformer2DModel writes it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::models {

struct Sd3Config {
  int64_t sample_size = 128;  // of the latents the model was trained on
  int64_t patch_size = 2, in_channels = 16, out_channels = 16;
  int64_t layers = 18, heads = 18, head_width = 64;
  int64_t text_width = 4096;    // joint_attention_dim
  int64_t pooled_width = 2048;  // pooled_projection_dim
  int64_t max_positions = 96;   // pos_embed_max_size: patches in height and in width at most
  std::vector<int64_t> dual_attention_layers;
  bool qk_norm = false;

  int64_t width() const { return heads * head_width; }
};

// DataError naming key and value for whatever is not computed here; `file` opens the message.
Sd3Config parse_sd3_config(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
