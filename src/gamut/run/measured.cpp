// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/measured.h"

#include "gamut/core/error.h"

#include <cstdio>

namespace gamut::run {

std::string measured_base(const TrainRecipe& recipe) { return cat(recipe.train.model, ", before training"); }

std::string averaged_weights(const train::EmaConfig& ema) {
  if (ema.decay == 0) return "current weights (ema.decay 0)";
  char decay[32];
  std::snprintf(decay, sizeof decay, "%g", ema.decay);
  return cat("averaged weights (ema.decay ", decay, ")");
}

std::string measured_run(const std::filesystem::path& run, const TrainRecipe& recipe, int64_t step,
                         bool raw) {
  if (step == 0) return measured_base(recipe);
  return cat(run.string(), ", step ", step, ", ",
             raw ? "raw weights, as the last update left them" : averaged_weights(recipe.train.ema));
}

}  // namespace gamut::run
