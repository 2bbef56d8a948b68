// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/mmdit/sd3_config.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gamut::models {

Sd3Config parse_sd3_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  json.only("_class_name", "SD3Transformer2DModel");
  Sd3Config config;
  json.sizes({{"sample_size", config.sample_size},
              {"patch_size", config.patch_size},
              {"in_channels", config.in_channels}});
  // An explicit null means as many as go in, an absent key the default.
  const bool is_null = json.present("out_channels") && !json.has("out_channels");
  config.out_channels = json.positive("out_channels", is_null ? config.in_channels : config.out_channels);
  json.sizes({{"num_layers", config.layers},
              {"num_attention_heads", config.heads},
              {"attention_head_dim", config.head_width},
              {"joint_attention_dim", config.text_width},
              {"pooled_projection_dim", config.pooled_width},
              {"pos_embed_max_size", config.max_positions}});
  if (json.positive("caption_projection_dim", 1152) != config.width())
    json.fail("caption_projection_dim",
              cat("num_attention_heads times attention_head_dim = ", config.width()));
  if (config.width() % 4 != 0) json.fail("attention_head_dim", "a width of all heads that 4 divides");
  config.dual_attention_layers = json.integers("dual_attention_layers", {});
  if (std::ranges::any_of(config.dual_attention_layers,
                          [&](int64_t i) { return i < 0 || i >= config.layers; }))
    json.fail("dual_attention_layers", cat("numbers of layers, 0 to ", config.layers - 1));
  json.only("qk_norm", "rms_norm");
  config.qk_norm = json.has("qk_norm");
  json.finish();
  return config;
}

}  // namespace gamut::models
