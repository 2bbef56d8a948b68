// SPDX-License-Identifier: Apache-2.0
// What --model names: a folder, a name of the Hub, or a run, whose tuned weights are meant.
//
//   const TunedModel model = find_tuned("runs/x");
//   models::Pipeline pipe = models::Pipeline::open(model.folder, options);
//   model.apply(pipe);                               // a checkpoint's weights, or an adapter over its base
#pragma once

#include "gamut/models/pipeline.h"
#include "gamut/nn/lora_file.h"

#include <filesystem>
#include <optional>
#include <string>

namespace gamut::run {

struct TunedModel {
  std::string folder;                  // what Pipeline::open takes
  std::filesystem::path weights = {};  // of a checkpoint, to copy into the denoiser; "" = the folder's own
  std::optional<nn::LoraFile> adapter = {};
  std::string measured;  // which model, step and weights, for tables
  // Puts weights and adapter into an opened pipeline of `folder`.
  void apply(models::Pipeline& pipe) const;
};

// A finished run stands for its model/, one that goes on or was stopped for its newest checkpoint's averaged
// weights; both as RUN or RUN/model. EnvironmentError for a run that has neither.
TunedModel find_tuned(const std::string& name);

}  // namespace gamut::run
