// SPDX-License-Identifier: Apache-2.0
// What a table's column was measured on: which model, which step, which weights.
#pragma once

#include "gamut/run/train_recipe.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace gamut::run {

// "models/glyphs, before training"
std::string measured_base(const TrainRecipe& recipe);
// "averaged weights (ema.decay 0.9)", or "current weights (ema.decay 0)"
std::string averaged_weights(const train::EmaConfig& ema);
// "runs/x, step 160, averaged weights (ema.decay 0.9)"; step 0 is the base. `raw`: as eval.raw measures.
std::string measured_run(const std::filesystem::path& run, const TrainRecipe& recipe, int64_t step,
                         bool raw = false);

}  // namespace gamut::run
