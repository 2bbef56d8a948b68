// SPDX-License-Identifier: Apache-2.0
// The kinds of model that gamut opens: a table by `_class_name` of model_index.json
// (docs/howto/add_model_family.md).
#pragma once

#include "gamut/models/denoiser.h"
#include "gamut/models/latent_spec.h"
#include "gamut/models/model_folder.h"
#include "gamut/models/part_source.h"
#include "gamut/models/scheduler_config.h"
#include "gamut/models/text_stack.h"

#include <memory>
#include <string>
#include <vector>

namespace gamut::models {

struct ModelFamily {
  std::string pipeline_class;  // of model_index.json
  std::string models;          // that have it, for people
  std::string denoiser;        // its folder, and its prefix in LoRA files: unet | transformer
  // DataError for a component of another class; before anything else, as a folder of another kind lacks what
  // is read next.
  void (*check)(const ModelFolder& folder);
  // Channels, patch and the size that the model was trained on, from the denoiser's config.json.
  LatentSpec (*latents)(const ModelFolder& folder);
  // One of them: DataError where the parts that the configs describe do not fit one another, `latents` among
  // them.
  std::unique_ptr<TextStack> (*open_text)(ModelFolder& folder, const PartSource& source);
  std::unique_ptr<Denoiser> (*open_denoiser)(const ModelFolder& folder, const PartSource& source);
  // The pipeline hands its scheduler evenly spaced levels 1, (n - 1)/n, … 1/n instead of leaving them to it.
  bool even_levels = false;
};

const std::vector<ModelFamily>& model_families();
// A folder that names no class is Stable Diffusion's. DataError for a class that is not in the table.
const ModelFamily& family_of(const ModelFolder& folder);

// What the folder's configs say, before any weight is read.
LatentSpec latent_spec(const ModelFolder& folder);
SchedulerConfig scheduler_of(const ModelFolder& folder);

// DataError unless the folder's component is of this class; "" among them allows none.
void expect_class(const ModelFolder& folder, const std::string& component,
                  const std::vector<std::string>& expected);

}  // namespace gamut::models
