// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/unet/unet_config.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace {

// Whether each block has attention; `kind` is "Down" or "Up".
std::vector<bool> read_blocks(JsonConfig& json, const std::string& key, const std::string& kind,
                              const std::vector<std::string>& otherwise) {
  const std::string plain = kind + "Block2D", attention = "CrossAttn" + kind + "Block2D";
  std::vector<bool> has_attention;
  for (const std::string& type : json.strings(key, otherwise)) {
    if (type != plain && type != attention) {
      json.fail(key, cat("blocks named ", plain, " or ", attention));
    }
    has_attention.push_back(type == attention);
  }
  return has_attention;
}

void read_levels(JsonConfig& json, UNetConfig& config) {
  config.block_out_channels = json.integers("block_out_channels", {320, 640, 1280, 1280});
  const size_t levels = config.levels();
  if (levels == 0 || std::ranges::any_of(config.block_out_channels, [](int64_t c) { return c <= 0; })) {
    json.fail("block_out_channels", "positive channel counts");
  }
  config.down_has_attention =
      read_blocks(json, "down_block_types", "Down",
                  {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"});
  config.up_has_attention =
      read_blocks(json, "up_block_types", "Up",
                  {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"});
  for (const auto& [key, count] : {std::pair{"down_block_types", config.down_has_attention.size()},
                                   std::pair{"up_block_types", config.up_has_attention.size()}}) {
    if (count != levels) {
      json.fail(key, cat(levels, " blocks, one per entry of block_out_channels"));
    }
  }
  config.layers_per_block = json.integer_per_level("layers_per_block", 2, levels);
  config.cross_attention_dim = json.integer_per_level("cross_attention_dim", 1280, levels);
  config.transformer_layers = json.integer_per_level("transformer_layers_per_block", 1, levels);
  config.only_cross_attention = json.boolean_per_level("only_cross_attention", false, levels);
}

// diffusers calls the number of heads `attention_head_dim`, and so do the files.
void read_heads(JsonConfig& json, UNetConfig& config) {
  const size_t levels = config.levels();
  config.heads = json.integer_per_level("attention_head_dim", 8, levels);
  if (json.has("num_attention_heads")) {
    config.heads = json.integer_per_level("num_attention_heads", 8, levels);
  }
  for (size_t i = 0; i < levels; ++i) {
    const bool used = config.down_has_attention[i] || config.up_has_attention[levels - 1 - i] ||
                      (i + 1 == levels && config.mid_block == MidBlock::kCrossAttention);
    if (used && (config.heads[i] <= 0 || config.block_out_channels[i] % config.heads[i] != 0)) {
      json.fail("attention_head_dim", cat("a number of heads (so the key's meaning) that divides the ",
                                          config.block_out_channels[i], " channels of level ", i));
    }
  }
}

void read_mid_block(JsonConfig& json, UNetConfig& config) {
  // An explicit null means no block, an absent key the default.
  const std::string type =
      json.string("mid_block_type", json.present("mid_block_type") ? "" : "UNetMidBlock2DCrossAttn");
  if (type != "" && type != "UNetMidBlock2D" && type != "UNetMidBlock2DCrossAttn") {
    json.fail("mid_block_type", "UNetMidBlock2DCrossAttn, UNetMidBlock2D or null");
  }
  config.mid_block = type.empty()               ? MidBlock::kNone
                     : type == "UNetMidBlock2D" ? MidBlock::kPlain
                                                : MidBlock::kCrossAttention;
  config.mid_block_scale_factor = json.number("mid_block_scale_factor", 1.0);
}

void read_embeddings(JsonConfig& json, UNetConfig& config) {
  json.only("time_embedding_type", "positional");
  config.flip_sin_to_cos = json.boolean("flip_sin_to_cos", true);
  config.freq_shift = json.number("freq_shift", 0.0);
  config.time_embed_dim = json.positive("time_embedding_dim", 4 * config.block_out_channels[0]);
  config.text_added_to_time = json.has("addition_embed_type");
  json.only("addition_embed_type", "text");
  config.addition_embed_heads = json.positive("addition_embed_type_num_heads", 64);
  const int64_t text_width = config.cross_attention_dim[0];
  if (config.text_added_to_time && text_width % config.addition_embed_heads != 0) {
    json.fail("addition_embed_type_num_heads", cat("a divisor of cross_attention_dim = ", text_width));
  }
}

void read_normalization(JsonConfig& json, UNetConfig& config) {
  config.norm_num_groups = json.positive("norm_num_groups", 32);
  config.norm_eps = json.number("norm_eps", 1e-5);
  for (const int64_t channels : config.block_out_channels) {
    if (channels % config.norm_num_groups != 0) {
      json.fail("norm_num_groups", cat("a divisor of all block_out_channels, such as ", channels));
    }
  }
  const std::string scale_shift = json.string("resnet_time_scale_shift", "default");
  if (scale_shift != "default" && scale_shift != "scale_shift") {
    json.fail("resnet_time_scale_shift", "\"default\" or \"scale_shift\"");
  }
  config.resnet_scale_shift = scale_shift == "scale_shift";
  const std::string activation = json.string("act_fn", "silu");
  if (activation != "silu" && activation != "swish") {
    json.fail("act_fn", "\"silu\"");
  }
}

void read_sample_size(JsonConfig& json, UNetConfig& config) {
  const std::vector<int64_t> size = json.integer_per_level("sample_size", 64, 2);
  if (size[0] <= 0 || size[1] <= 0) {
    json.fail("sample_size", "a positive size");
  }
  config.sample_height = size[0];
  config.sample_width = size[1];
}

// Options of other models: only the value that switches them off is computed here.
void refuse_others(JsonConfig& json) {
  for (const char* key :
       {"encoder_hid_dim", "encoder_hid_dim_type", "reverse_transformer_layers_per_block", "class_embed_type",
        "addition_time_embed_dim", "num_class_embeds", "time_embedding_act_fn", "timestep_post_act",
        "time_cond_proj_dim", "projection_class_embeddings_input_dim", "cross_attention_norm"}) {
    json.only(key, nullptr);
  }
  for (const char* key : {"dual_cross_attention", "resnet_skip_time_act", "class_embeddings_concat"}) {
    json.only(key, false);
  }
  json.only("attention_type", "default");
  json.only("dropout", 0.0);
  // They act in block types that are refused above.
  json.ignore({"mid_block_only_cross_attention", "resnet_out_scale_factor"});
}

}  // namespace

UNetConfig parse_unet_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  json.only("_class_name", "UNet2DConditionModel");
  UNetConfig config;
  config.in_channels = json.positive("in_channels", 4);
  config.out_channels = json.positive("out_channels", 4);
  config.center_input_sample = json.boolean("center_input_sample", false);
  read_sample_size(json, config);
  read_levels(json, config);
  read_mid_block(json, config);
  read_heads(json, config);
  read_embeddings(json, config);
  read_normalization(json, config);
  config.use_linear_projection = json.boolean("use_linear_projection", false);
  config.upcast_attention = json.boolean("upcast_attention", false);
  config.downsample_padding = json.integer("downsample_padding", 1);
  config.conv_in_kernel = json.positive("conv_in_kernel", 3);
  config.conv_out_kernel = json.positive("conv_out_kernel", 3);
  refuse_others(json);
  json.finish();
  return config;
}

}  // namespace gamut::models
