// SPDX-License-Identifier: Apache-2.0
// A fine-tuning recipe as a whole: the trainer's part, the reward, the judge and the evaluation.
#pragma once

#include "gamut/core/config.h"
#include "gamut/eval/evaluate.h"
#include "gamut/rewards/reward.h"
#include "gamut/run/group_log.h"
#include "gamut/text/prompt_set.h"
#include "gamut/train/config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::run {

struct TrainRecipe {
  train::TrainConfig train;
  rewards::RewardConfig reward, judge{.kind = "ocr"};
  eval::EvalConfig eval;
  RecordConfig record;
  Resolved resolved;  // each value with where it came from
  void fields(FieldVisitor& v);
  std::filesystem::path eval_prompts() const {
    return eval.prompts.empty() ? train.rollout.prompts : eval.prompts;
  }
  // What rollouts draw: rollout.prompts, each in the words of rollout.variants.
  std::vector<text::Prompt> load_rollout_prompts() const;
};

// Defaults < the named algorithm's slots < extends < the file < --set. A run folder stands for its
// config.toml.
TrainRecipe load_train_recipe(const std::filesystem::path& path, const std::vector<std::string>& sets);
// The same without a file.
TrainRecipe load_train_recipe(const std::vector<std::string>& sets);

// Each key whose value differs from that of a stored config.toml, "seed was 1 and is 2, …"; "" when none
// does. `iterations`, `comm.timeout` and the key `free` may differ.
std::string recipe_changes(const TrainRecipe& now, const std::filesystem::path& stored_config,
                           const std::string& free = "");
// ConfigError naming each key whose value differs: a run resumes only under its own recipe.
void check_same_recipe(const TrainRecipe& now, const std::filesystem::path& stored_config);

}  // namespace gamut::run
