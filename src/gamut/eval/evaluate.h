// SPDX-License-Identifier: Apache-2.0
// Quality and variety on fixed prompts and named seeds, disjoint from training's. Diversity is measured within each
// prompt's pictures and averaged over prompts; docs/metrics.md gives every formula.
#pragma once

#include "gamut/core/config.h"
#include "gamut/eval/sampling.h"
#include "gamut/rewards/features.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gamut::eval {

// [eval] of a recipe.
struct EvalConfig {
  std::string prompts = "";        // "" = the training prompts
  std::string heldout = "";        // "" = none
  int64_t every = 50;
  int64_t members = 16;
  int64_t heldout_members = 4;
  int64_t steps = 20;
  int64_t seed = 1000;
  int64_t report_seed = 2000;      // -1 = no second evaluation
  bool raw = false;
  int64_t micro_batch = 0;         // 0 = the model's usual one
  double guidance_scale = 1.0;
  std::string features = "pixels";                    // pixels | clip: ground of feature_distance and feature_vendi
  std::string features_model = "models/glyphs-clip";  // clip: its folder
  void fields(FieldVisitor& v);
};

// A row of evals.jsonl. All rates are over pictures, diversity measures within prompts then averaged.
struct Evaluation {
  double reward = 0, reward_exact = 0;         // training reward; share read exactly
  double judge = 0, judge_exact = 0;           // the reader that does not train
  int64_t reward_failures = 0, judge_failures = 0;
  double color_pairs = 0, color_spread = 0, pairwise_distance = 0, vendi = 0;
  double feature_distance = 0, feature_vendi = 0;  // by EvalConfig::features
  double high_frequency = 0, contrast = 0;
  std::optional<double> colors_obeyed;         // share of pictures in the asked colours; absent without such prompts
  int64_t prompts = 0, members = 0, steps = 0, seed = 0;
  double seconds = 0;
  std::map<std::string, std::vector<double>> per_prompt;  // measure -> one value per prompt; NaN = it has none
  nlohmann::ordered_json to_json() const;
};

// One of the evaluations that a checkpoint gets. Checkpoints are chosen by role "select" and reported by "report".
struct EvalPass {
  std::string role = "select";    // select: eval.seed | report: eval.report_seed
  std::string weights = "ema";    // ema | raw
  std::string set = "prompts";    // prompts | heldout: eval.heldout
  bool operator==(const EvalPass&) const = default;
};
// All that a configuration asks for, first the main one.
std::vector<EvalPass> eval_passes(const EvalConfig& config);
// The configuration with the pass's seed and members.
EvalConfig config_of(const EvalPass& pass, EvalConfig config);
// Which pass a row of evals.jsonl comes from; a missing field has the main pass's value, and the base's weights are
// their own average.
EvalPass pass_of(const nlohmann::json& row);

// The numbers of a row back from evals.jsonl. DataError when a key is missing.
Evaluation evaluation_from_json(const nlohmann::json& row);

struct Judges {
  rewards::Reward& reward;
  rewards::Reward& judge;
  rewards::FeatureExtractor* features = nullptr;  // nullptr: pixel features
};

// Pictures [prompts * members, 3, H, W] in [0, 1], prompt-major.
Evaluation measure(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts, const Judges& judges);
// ODE samples of the pipeline, measured. `pictures`, if given, receives them.
Evaluation evaluate(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts, const Judges& judges,
                    const EvalConfig& config, at::Tensor* pictures = nullptr);
// The same measures on freshly drawn real glyphs of each prompt's target: the data's own level.
Evaluation evaluate_data(const std::vector<text::Prompt>& prompts, const Judges& judges, const EvalConfig& config,
                         at::Tensor* pictures = nullptr);

}  // namespace gamut::eval
