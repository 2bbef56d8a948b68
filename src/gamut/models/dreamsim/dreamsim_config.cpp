// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/dreamsim/dreamsim_config.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::models {
namespace {

std::array<double, 3> three(JsonConfig& json, const std::string& key, double above) {
  const std::vector<double> values = json.numbers(key);
  if (values.size() != 3 || !std::ranges::all_of(values, [&](double value) { return value > above; }))
    json.fail(key, above < 0 ? "three numbers" : "three positive numbers");
  return {values[0], values[1], values[2]};
}

DreamSimBranch parse_branch(const nlohmann::json& object, const std::string& file, int64_t image_size) {
  JsonConfig json(object, file);
  json.ignore({"name"});
  DreamSimBranch branch;
  branch.hidden_size = json.positive("hidden_size", branch.hidden_size);
  branch.intermediate_size = json.positive("intermediate_size", 4 * branch.hidden_size);
  branch.layers = json.positive("num_hidden_layers", branch.layers);
  branch.heads = json.positive("num_attention_heads", branch.heads);
  branch.patch_size = json.positive("patch_size", branch.patch_size);
  branch.projection_dim = json.integer("projection_dim", 0);
  branch.pre_norm = json.boolean("pre_norm", false);
  branch.layer_scale = json.boolean("layer_scale", false);
  branch.layer_norm_eps = json.number("layer_norm_eps", branch.layer_norm_eps);
  branch.mean = three(json, "image_mean", -1e9);
  branch.std = three(json, "image_std", 0);
  const std::string act = json.string("hidden_act", "gelu");
  if (act != "gelu" && act != "quick_gelu") json.fail("hidden_act", "\"gelu\" or \"quick_gelu\"");
  branch.quick_gelu = act == "quick_gelu";
  if (branch.projection_dim < 0) json.fail("projection_dim", "at least 0");
  if (branch.hidden_size % branch.heads != 0)
    json.fail("num_attention_heads", cat("a divisor of hidden_size = ", branch.hidden_size));
  if (image_size % branch.patch_size != 0)
    json.fail("patch_size", cat("a divisor of image_size = ", image_size));
  json.finish();
  return branch;
}

}  // namespace

DreamSimConfig parse_dreamsim_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  if (json.string("model_type", "") != "dreamsim")
    json.fail("model_type", "\"dreamsim\", as scripts/convert_dreamsim.py writes it");
  DreamSimConfig config;
  config.image_size = json.positive("image_size", config.image_size);
  json.ignore({"branches", "name"});
  json.finish();
  if (!json.has("branches") || !object["branches"].is_array() || object["branches"].empty())
    json.fail("branches", "a list of one or more vision transformers");
  for (size_t i = 0; i < object["branches"].size(); ++i)
    config.branches.push_back(
        parse_branch(object["branches"][i], cat(file, ", branch ", i), config.image_size));
  return config;
}

}  // namespace gamut::models
