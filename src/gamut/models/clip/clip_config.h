// SPDX-License-Identifier: Apache-2.0
// The config.json of transformers' CLIPModel.
#pragma once

#include "gamut/models/clip/clip_text.h"
#include "gamut/models/clip/clip_vision.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gamut::models {

struct ClipConfig {
  ClipTextConfig text;
  ClipVisionConfig vision;
  int64_t projection_dim = 512;
  double logit_scale_init_value = 2.6592;  // ln(1 / 0.07)
  double initializer_factor = 1;
};

// DataError naming key and value for whatever is not computed here.
ClipConfig parse_clip_config(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
