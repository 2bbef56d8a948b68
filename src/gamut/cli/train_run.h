// SPDX-License-Identifier: Apache-2.0
// One training run on disk: the trainer's loop with its records, evaluations, checkpoints and closing sheet.
#pragma once

#include "gamut/cli/train_recipe.h"

#include <filesystem>
#include <optional>
#include <string>

namespace gamut::cli {

struct TrainRunOptions {
  std::filesystem::path folder;  // RUN
  bool resume = false;
  std::string command = {};    // written to command.txt
  std::optional<int> serve_port = {};  // serve the report on loopback; 0 = any free port
  std::string resume_command;  // what to tell a user who stopped the run
  std::string serve_command;   // starts such a run with a live report
};

// Exit code: 0 finished, 130 stopped on request (checkpoint written).
int run_training(const TrainRecipe& recipe, const TrainRunOptions& options);

}  // namespace gamut::cli
