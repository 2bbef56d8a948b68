// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vae/autoencoder_config.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace {

void check_blocks(JsonConfig& json, const std::string& key, const std::string& supported, size_t levels) {
  const std::vector<std::string> blocks = json.strings(key, {supported});
  if (blocks.size() != levels ||
      std::ranges::any_of(blocks, [&](const std::string& block) { return block != supported; })) {
    json.fail(key, cat(levels, " times ", supported));
  }
}

void read_levels(JsonConfig& json, AutoencoderConfig& config) {
  config.block_out_channels = json.integers("block_out_channels", {64});
  config.norm_num_groups = json.positive("norm_num_groups", 32);
  const size_t levels = config.block_out_channels.size();
  if (levels == 0 || levels > 16 || std::ranges::any_of(config.block_out_channels, [&](int64_t c) {
        return c <= 0 || c % config.norm_num_groups != 0;
      })) {
    json.fail("block_out_channels", cat("1 to 16 multiples of norm_num_groups = ", config.norm_num_groups));
  }
  check_blocks(json, "down_block_types", "DownEncoderBlock2D", levels);
  check_blocks(json, "up_block_types", "UpDecoderBlock2D", levels);
}

}  // namespace

AutoencoderConfig parse_autoencoder_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  json.only("_class_name", "AutoencoderKL");
  AutoencoderConfig config;
  config.in_channels = json.positive("in_channels", 3);
  config.out_channels = json.positive("out_channels", 3);
  config.latent_channels = json.positive("latent_channels", 4);
  read_levels(json, config);
  config.layers_per_block = json.positive("layers_per_block", 1);
  config.sample_size = json.positive("sample_size", 32);
  config.scaling_factor = json.number("scaling_factor", 0.18215);
  config.shift_factor = json.number("shift_factor", 0.0);
  config.quant_conv = json.boolean("use_quant_conv", true);
  config.post_quant_conv = json.boolean("use_post_quant_conv", true);
  config.mid_attention = json.boolean("mid_block_add_attention", true);
  json.only("act_fn", "silu");
  json.only("latents_mean", nullptr);
  json.only("latents_std", nullptr);
  if (config.scaling_factor == 0) json.fail("scaling_factor", "a number other than 0");
  json.ignore({"force_upcast"});  // diffusers' SDXL pipelines read it; Stable Diffusion's do not
  json.finish();
  return config;
}

}  // namespace gamut::models
