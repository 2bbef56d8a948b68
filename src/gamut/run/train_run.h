// SPDX-License-Identifier: Apache-2.0
// One training run on disk: the trainer's loop with its records, evaluations, checkpoints and closing sheet.
//
//   run::TrainRecipe recipe = run::load_train_recipe("recipes/glyphs/gamut_gradient.toml", {"seed=3"});
//   run::TrainOutcome done = run::train(recipe, {.folder = "runs/gamut-3"});
//   std::puts(done.table.c_str());
#pragma once

#include "gamut/comm/group.h"
#include "gamut/run/train_recipe.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace gamut::run {

struct TrainOptions {
  std::filesystem::path folder;  // must not exist yet, unless `resume`
  bool resume = false;           // go on from the folder's newest checkpoint, under the same recipe
  std::string command = {};      // written to command.txt
  // The processes that train together, each of which calls train() alike; all must see the folder. Rank 0
  // writes. nullptr: this one alone.
  comm::Group* group = nullptr;
  // Own objects in place of what [reward] and [judge] of the recipe name; they must outlive the call. The
  // run's config.toml has them as kind = "own" with their name.
  rewards::Reward* reward = nullptr;
  rewards::Reward* judge = nullptr;
  // Called after each iteration with its row of metrics.jsonl, and after each evaluation with its row of
  // evals.jsonl.
  std::function<void(const nlohmann::ordered_json&row)> on_step = {}, on_evaluation = {};
  // Asked after each iteration beside core/stop.h, whose request ends every run of the process: true ends
  // this one the same way.
  std::function<bool()> stop = {};
  // Called once when everything is loaded and the folder holds its recipe, before the first iteration.
  std::function<void()> on_start = {};
};

struct TrainOutcome {
  bool finished = false;  // false: core/stop.h or `stop` asked for an end, and a checkpoint was written
  int64_t steps = 0;      // iterations done in all
  // Of a finished run.
  std::string table = {};                        // before and after, as before_after.txt holds it
  std::filesystem::path model = {}, sheet = {};  // the tuned model or adapter; before | after as a picture
  std::string reward = {}, judge = {};           // their names
  std::string cost = {};                         // evaluation_cost()
  std::string first_prompt = {};                 // of the evaluation
};

// EnvironmentError when processes of a group differ or are lost, ConfigError for a folder in the way, or a
// recipe that is not the resumed run's; NumericalError as train::Guard says. Returns when all iterations are
// done, or at the end of one after stop_requested() or TrainOptions::stop.
TrainOutcome train(const TrainRecipe& recipe, const TrainOptions& options);

}  // namespace gamut::run
