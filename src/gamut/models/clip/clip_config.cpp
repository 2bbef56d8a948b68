// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_config.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <nlohmann/json.hpp>

namespace gamut::models {
namespace {

using nlohmann::json;

// "<key>_dict" is how the first files of OpenAI's models wrote it; where both stand it counts, as in
// transformers.
json tower(const json& object, const std::string& key) {
  for (const std::string& name : {key + "_dict", key})
    if (object.contains(name) && !object.at(name).is_null()) return object.at(name);
  return json::object();
}

}  // namespace

ClipConfig parse_clip_config(const json& object, const std::string& file) {
  JsonConfig reader(object, file);
  if (reader.string("model_type", "clip") != "clip") reader.fail("model_type", "\"clip\"");
  ClipConfig config;
  config.text = parse_clip_text_config(tower(object, "text_config"), cat(file, ": text_config"));
  config.vision = parse_clip_vision_config(tower(object, "vision_config"), cat(file, ": vision_config"));
  config.projection_dim = reader.positive("projection_dim", config.projection_dim);
  config.logit_scale_init_value = reader.number("logit_scale_init_value", config.logit_scale_init_value);
  config.initializer_factor = reader.number("initializer_factor", config.initializer_factor);
  return config;
}

}  // namespace gamut::models
