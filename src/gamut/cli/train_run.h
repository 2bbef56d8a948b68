// SPDX-License-Identifier: Apache-2.0
// One training run on disk: the trainer's loop with its records, evaluations, checkpoints and closing sheet.
#pragma once

#include "gamut/cli/train_recipe.h"

#include <filesystem>

namespace gamut::cli {

struct TrainRunOptions {
  std::filesystem::path folder;  // RUN
  bool resume = false;
  std::string resume_command;  // what to tell a user who stopped the run
};

// Exit code: 0 finished, 130 stopped on request (checkpoint written).
int run_training(const TrainRecipe& recipe, const TrainRunOptions& options);

}  // namespace gamut::cli
