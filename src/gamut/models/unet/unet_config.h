// SPDX-License-Identifier: Apache-2.0
// unet/config.json as diffusers' UNet2DConditionModel writes it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::models {

enum class MidBlock { kNone, kPlain, kCrossAttention };

// Lists have one entry per level, the largest picture first.
struct UNetConfig {
  int64_t in_channels = 4, out_channels = 4;
  int64_t sample_height = 64, sample_width = 64;  // of the latents the model was trained on
  bool center_input_sample = false;
  std::vector<int64_t> block_out_channels;
  std::vector<bool> down_has_attention,
      up_has_attention;  // up is in the order of use, the smallest picture first
  MidBlock mid_block = MidBlock::kCrossAttention;
  std::vector<int64_t> layers_per_block, transformer_layers, heads, cross_attention_dim;
  std::vector<bool> only_cross_attention;
  bool use_linear_projection = false, upcast_attention = false;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  int64_t time_embed_dim = 0;
  int64_t downsample_padding = 1;
  double mid_block_scale_factor = 1;
  int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  bool resnet_scale_shift = false;
  int64_t conv_in_kernel = 3, conv_out_kernel = 3;
  bool text_added_to_time = false;  // addition_embed_type "text"
  int64_t addition_embed_heads = 64;

  size_t levels() const { return block_out_channels.size(); }
};

// DataError naming key and value for whatever gamut's network does not compute; `file` opens the message.
UNetConfig parse_unet_config(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
