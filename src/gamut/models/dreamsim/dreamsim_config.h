// SPDX-License-Identifier: Apache-2.0
// config.json of a DreamSim folder, as scripts/convert_dreamsim.py writes it.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::models {

// One vision transformer of the ensemble, all in DINO's names.
struct DreamSimBranch {
  int64_t hidden_size = 768, intermediate_size = 3072, layers = 12, heads = 12, patch_size = 16;
  int64_t projection_dim = 0;  // 0: the class token after the last block, before its norm ("cls");
                               // else normed and projected to that width ("embedding")
  bool pre_norm = false;       // a norm before the first block (CLIP)
  bool quick_gelu = false, layer_scale = false;
  double layer_norm_eps = 1e-6;
  std::array<double, 3> mean{}, std{};
  int64_t width() const { return projection_dim > 0 ? projection_dim : hidden_size; }
};

struct DreamSimConfig {
  int64_t image_size = 224;
  std::vector<DreamSimBranch> branches;
};

// DataError naming key and value for whatever is not computed here.
DreamSimConfig parse_dreamsim_config(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
