// SPDX-License-Identifier: Apache-2.0
// transformer/config.json as diffusers' FluxTransformer2DModel writes it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::models {

struct FluxConfig {
  int64_t in_channels = 64;  // of a packed token: 2x2 latent pixels
  int64_t layers = 19, single_layers = 38;
  int64_t heads = 24, head_width = 128;
  int64_t text_width = 4096;   // joint_attention_dim
  int64_t pooled_width = 768;  // pooled_projection_dim
  bool guidance = false;       // guidance_embeds: FLUX.1-dev's, not schnell's
  std::vector<int64_t> rotary_axes{16, 56, 56};

  int64_t width() const { return heads * head_width; }
  int64_t latent_channels() const { return in_channels / 4; }
};

// DataError naming key and value for whatever is not computed here; `file` opens the message.
FluxConfig parse_flux_config(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
