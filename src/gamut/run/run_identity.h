// SPDX-License-Identifier: Apache-2.0
// What a run is called, which recipe it is a seed of, and whether two runs were asked the same questions.
#pragma once

#include "gamut/run/train_recipe.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace gamut::run {

// "runs/gamut-3/" -> "gamut-3"
std::string run_name(const std::filesystem::path& folder);
// "runs/gamut-3" of seed 3 -> "gamut"; other names as they are.
std::string recipe_name(const std::filesystem::path& folder, int64_t seed);
// What makes the evaluations of two runs incomparable: "eval.seed (1000 and 7), eval.steps (20 and 10)"; "" =
// nothing.
std::string evaluation_differences(const TrainRecipe& one, const TrainRecipe& two);

}  // namespace gamut::run
