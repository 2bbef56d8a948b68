// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vit/vit_config.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::models {
namespace {

// The hidden width of Dinov2's gated MLP: two thirds, to a multiple of eight.
int64_t swiglu_width(int64_t width) { return (width * 2 / 3 + 7) / 8 * 8; }

}  // namespace

VitConfig parse_vit_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  VitConfig config;
  const std::string type = json.string("model_type", "");
  if (type != "vit" && type != "dinov2") json.fail("model_type", "\"vit\" or \"dinov2\"");
  config.dinov2 = type == "dinov2";
  if (config.dinov2) config.patch_size = 14, config.layer_norm_eps = 1e-6;
  json.sizes({{"hidden_size", config.hidden_size},
              {"num_hidden_layers", config.layers},
              {"num_attention_heads", config.heads},
              {"image_size", config.image_size},
              {"patch_size", config.patch_size}});
  config.layer_norm_eps = json.number("layer_norm_eps", config.layer_norm_eps);
  config.qkv_bias = json.boolean("qkv_bias", true);
  json.only("num_channels", 3);
  json.only("hidden_act", "gelu");
  config.intermediate_size = config.dinov2
                                 ? std::llround(json.number("mlp_ratio", 4) * double(config.hidden_size))
                                 : json.positive("intermediate_size", config.intermediate_size);
  config.swiglu = config.dinov2 && json.boolean("use_swiglu_ffn", false);
  if (config.swiglu) config.intermediate_size = swiglu_width(config.intermediate_size);
  if (config.patch_size > config.image_size)
    json.fail("patch_size", cat("at most image_size = ", config.image_size));
  if (config.hidden_size % config.heads != 0)
    json.fail("num_attention_heads", cat("a divisor of hidden_size = ", config.hidden_size));
  // transformers writes many general keys into every config, so unknown ones are left alone.
  return config;
}

}  // namespace gamut::models
