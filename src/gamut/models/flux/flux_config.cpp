// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/flux/flux_config.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

namespace gamut::models {
namespace {

void read_rotary_axes(JsonConfig& json, FluxConfig& config) {
  config.rotary_axes = json.integers("axes_dims_rope", config.rotary_axes);
  const std::vector<int64_t>& axes = config.rotary_axes;
  const bool even = std::ranges::all_of(axes, [](int64_t width) { return width > 0 && width % 2 == 0; });
  if (axes.size() != 3 || !even || std::accumulate(axes.begin(), axes.end(), int64_t{0}) != config.head_width)
    json.fail("axes_dims_rope",
              cat("three even numbers whose sum is attention_head_dim = ", config.head_width));
}

}  // namespace

FluxConfig parse_flux_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  json.only("_class_name", "FluxTransformer2DModel");
  FluxConfig config;
  json.only("patch_size", 1);
  config.in_channels = json.positive("in_channels", config.in_channels);
  if (config.in_channels % 4 != 0) json.fail("in_channels", "a multiple of 4: latents packed 2x2");
  json.only("out_channels", config.in_channels);
  json.sizes({{"num_layers", config.layers},
              {"num_single_layers", config.single_layers},
              {"num_attention_heads", config.heads},
              {"attention_head_dim", config.head_width},
              {"joint_attention_dim", config.text_width},
              {"pooled_projection_dim", config.pooled_width}});
  config.guidance = json.boolean("guidance_embeds", false);
  read_rotary_axes(json, config);
  json.finish();
  return config;
}

}  // namespace gamut::models
