// SPDX-License-Identifier: Apache-2.0
// A fine-tuning recipe as a whole: the trainer's part, the reward, the judge and the evaluation.
#pragma once

#include "gamut/cli/group_log.h"
#include "gamut/core/config.h"
#include "gamut/eval/evaluate.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"
#include "gamut/train/config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::cli {

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
};

// Defaults < the named algorithm's slots < extends < the file < --set.
TrainRecipe load_train_recipe(const std::filesystem::path& path, const std::vector<std::string>& sets);
// The same without a file.
TrainRecipe load_train_recipe(const std::vector<std::string>& sets);

// ConfigError naming each key whose value differs, other than `iterations`: a run resumes only under its own
// recipe.
void check_same_recipe(const TrainRecipe& now, const std::filesystem::path& stored_config);

}  // namespace gamut::cli
