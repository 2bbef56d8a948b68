// SPDX-License-Identifier: Apache-2.0
// Quality and variety on fixed prompts and named seeds, disjoint from training's. Diversity is measured
// within each prompt's pictures and averaged over prompts; docs/metrics.md gives every formula.
#pragma once

#include "gamut/comm/group.h"
#include "gamut/core/config.h"
#include "gamut/eval/classes.h"
#include "gamut/eval/measures.h"
#include "gamut/eval/sampling.h"
#include "gamut/rewards/features.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gamut::eval {

// [eval] of a recipe.
struct EvalConfig {
  std::string prompts = "";  // "" = the training prompts
  std::string heldout = "";  // "" = none
  int64_t every = 50;
  std::vector<int64_t> at = {};  // iterations, in place of `every`; beside the base and the end
  int64_t members = 16;
  int64_t heldout_members = 4;
  int64_t steps = 20;
  int64_t seed = 1000;
  int64_t report_seed = 2000;  // -1 = no second evaluation
  bool raw = false;
  int64_t micro_batch = 0;  // 0 = the model's usual one
  double guidance_scale = 1.0;
  std::string classes_model = "";         // "" = none; else a classifier of the task's pictures (classes.h)
  rewards::FeaturesConfig features = {};  // ground of feature_distance, feature_vendi and recall
  void fields(FieldVisitor& v);
  // Whether the iteration `step` of a run of `iterations` is evaluated.
  bool is_due(int64_t step, int64_t iterations) const;
};

// A row of evals.jsonl: an ordered map of measures, and what was drawn.
struct Evaluation {
  // By key, in the order of measure_table(); NaN: no picture was scored. A measure that does not apply is
  // absent.
  std::vector<std::pair<std::string, double>> values;
  int64_t reward_failures = 0, judge_failures = 0;
  std::string reward_failure, judge_failure;  // the first reason; "" = all were scored
  int64_t prompts = 0, members = 0, steps = 0, seed = 0;
  double seconds = 0;
  std::map<std::string, std::vector<double>>
      per_prompt;  // measure -> one value per prompt; NaN = it has none
  bool has(const std::string& key) const;
  double operator[](const std::string& key) const;  // NaN when it is absent
  void set(const std::string& key, double value);   // at the end when it is new
  int64_t pictures() const { return prompts * members; }
  nlohmann::ordered_json to_json() const;
};

// One of the evaluations that a checkpoint gets. Checkpoints are chosen by role "select" and reported by
// "report".
struct EvalPass {
  std::string role = "select";  // select: eval.seed | report: eval.report_seed
  std::string weights = "ema";  // ema | raw
  std::string set = "prompts";  // prompts | heldout: eval.heldout
  bool operator==(const EvalPass&) const = default;
};
// All that a configuration asks for, first the main one.
std::vector<EvalPass> eval_passes(const EvalConfig& config);
// The configuration with the pass's seed and members.
EvalConfig config_of(const EvalPass& pass, EvalConfig config);
// Which pass a row of evals.jsonl comes from; a missing field has the main pass's value, and the base's
// weights are their own average.
EvalPass pass_of(const nlohmann::json& row);

// Whether the row has no such number because no picture was scored: null, or the 0 of earlier versions.
bool is_unscored(const nlohmann::json& row, const std::string& key);

// The numbers of a row back from evals.jsonl, of earlier versions too. DataError when a score or a count is
// missing.
Evaluation evaluation_from_json(const nlohmann::json& row);

// What could not be scored, one sentence each: "the reward could not score 3 of 32 pictures; first reason:
// …".
std::vector<std::string> failures_of(const Evaluation& evaluation);
// The first of them that says that no picture at all was scored; "" = reward and judge scored some.
std::string total_failure(const Evaluation& evaluation);

struct Judges {
  rewards::Reward& reward;
  rewards::Reward& judge;
  rewards::FeatureExtractor* features = nullptr;  // nullptr: pixel features
  PictureClassifier* classifier = nullptr;        // nullptr: no measure of classes
  // Processes that evaluate together, each drawing and judging its share of the pictures; every one gets
  // pictures, trace and counts, the one that leads the measures too. nullptr: this one alone.
  comm::Group* group = nullptr;
};

// The base's part in an evaluation: what is measured is the base itself, or this is what the base drew in the
// same pass, or (as it is without either) the base is unknown and nothing is compared with it.
struct BasePass {
  bool is_measured = false;
  Trace trace = {};
};

// An evaluation with what it was made of.
struct Measured {
  Evaluation numbers;
  at::Tensor pictures;  // [prompts * members, 3, H, W] in [0, 1], prompt-major, where they were drawn
  Trace trace;
};

// Pictures as above. `norms_SB`: Trace::norms_SB, may be undefined.
Measured measure(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts, const Judges& judges,
                 const at::Tensor& norms_SB = {}, const BasePass& base = {});
// ODE samples of the pipeline, measured.
Measured evaluate(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts,
                  const Judges& judges, const EvalConfig& config, const BasePass& base = {});
// The trace alone, for what others are to be compared with.
Trace trace_of(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts, const Judges& judges,
               const EvalConfig& config);
// The same measures on pictures from elsewhere, such as a task's data.
Measured evaluate_pictures(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts,
                           const Judges& judges, const EvalConfig& config);

}  // namespace gamut::eval
