// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/families/family.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/models/families/flux.h"
#include "gamut/models/families/stable_diffusion.h"
#include "gamut/models/families/stable_diffusion_3.h"
#include "gamut/models/vae/picture_coder.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::models {

const std::vector<ModelFamily>& model_families() {
  static const std::vector<ModelFamily> table{stable_diffusion(), stable_diffusion_3(), flux()};
  return table;
}

const ModelFamily& family_of(const ModelFolder& folder) {
  const nlohmann::json index = folder.json("model_index.json");
  const nlohmann::json name = index.value("_class_name", nlohmann::json());
  if (name.is_null()) return model_families().front();
  std::string supported;
  for (const ModelFamily& family : model_families()) {
    if (name == family.pipeline_class) return family;
    supported += cat(supported.empty() ? "" : ", ", family.pipeline_class, " (", family.models, ")");
  }
  throw DataError(
      (folder.path() / "model_index.json").string(),
      cat("a pipeline of this class is not supported; got ", io::brief(name), "; expected ", supported));
}

LatentSpec latent_spec(const ModelFolder& folder) {
  LatentSpec spec = family_of(folder).latents(folder);
  spec.factor = coder_shape(folder).factor;
  return spec;
}

SchedulerConfig scheduler_of(const ModelFolder& folder) {
  SchedulerConfig config = load_scheduler_config(folder.path() / "scheduler");
  config.even_levels = family_of(folder).even_levels;
  return config;
}

void expect_class(const ModelFolder& folder, const std::string& component,
                  const std::vector<std::string>& expected) {
  const std::string got = folder.component_class(component);
  if (std::ranges::find(expected, got) != expected.end()) return;
  throw DataError(
      (folder.path() / "model_index.json").string(),
      cat("component '", component, "' must be a ", expected.front(), "; got ",
          got.empty() ? "nothing" : cat("'", printable(got), "'"), "; this kind of model is not supported"));
}

}  // namespace gamut::models
