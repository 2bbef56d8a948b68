// SPDX-License-Identifier: Apache-2.0
// What a finished run is closed with: a table and a sheet, before | after.
#pragma once

#include "gamut/run/stored_run.h"
#include "gamut/run/train_recipe.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gamut::run {

inline constexpr const char* kClosingTable = "before_after.txt";

struct FirstAndLast {
  StoredEvaluation before, after;
};
// The evaluations of step 0 and of step `last`, whose pictures must be as many and as large: DataError.
FirstAndLast first_and_last(const std::filesystem::path& run, int64_t last);

struct Closing {
  std::string table;            // as the file kClosingTable holds it
  std::filesystem::path sheet;  // a picture
};
// Writes both into the run's folder. `prompts`: those of the evaluations.
Closing write_closing(const std::filesystem::path& run, const TrainRecipe& recipe,
                      const FirstAndLast& measured, const std::vector<text::Prompt>& prompts);

}  // namespace gamut::run
