// SPDX-License-Identifier: Apache-2.0
// vae/config.json as diffusers' AutoencoderKL writes it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::models {

// Stable Diffusion 1.x: 4 latent channels, block_out_channels {128, 256, 512, 512}, so 8x8 pixels per latent
// pixel.
struct AutoencoderConfig {
  int64_t in_channels = 3, out_channels = 3, latent_channels = 4;
  std::vector<int64_t> block_out_channels{64};  // the largest picture first
  int64_t layers_per_block = 1, norm_num_groups = 32;
  int64_t sample_size = 32;  // of the pictures it was trained on; side of a tile in pixels
  double scaling_factor = 0.18215, shift_factor = 0;
  bool quant_conv = true, post_quant_conv = true, mid_attention = true;

  // Pixels per latent pixel, in height and in width.
  int64_t factor() const { return int64_t{1} << (block_out_channels.size() - 1); }
};

// DataError naming key and value for whatever is not computed here.
AutoencoderConfig parse_autoencoder_config(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
