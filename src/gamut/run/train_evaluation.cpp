// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/train_evaluation.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/nn/images.h"
#include "gamut/run/base_traces.h"
#include "gamut/run/stored_run.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <optional>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

double sum_of(const fs::path& lines, const char* key) {
  double sum = 0;
  if (!fs::exists(lines)) return 0;
  for (const nlohmann::json& row : io::read_json_lines(lines))
    if (row.is_object() && row.contains(key) && row[key].is_number()) sum += row[key].get<double>();
  return sum;
}

std::string shown(double value) { return std::isfinite(value) ? rounded(value) : "-"; }

// "color accuracy 0.812, " of the measures that held-out prompts are for.
std::string heldout_numbers(const eval::Evaluation& numbers) {
  std::string text;
  for (const eval::Measure& measure : eval::measure_table())
    if (measure.scope == eval::Scope::kHeldout && numbers.has(measure.key))
      text += cat(measure.label, " ", shown(numbers[measure.key]), ", ");
  return text;
}

// A reward without a single score has nothing to train on; a judge without one leaves a gap in the charts.
void tell_failures(const eval::EvalPass& pass, int64_t step, const eval::Evaluation& numbers) {
  const std::string where = cat(" (evaluation of step ", step, ", ", pass.set, ")");
  if (numbers.reward_failures == numbers.pictures())
    throw NumericalError("reward", cat(eval::failures_of(numbers).front(), where));
  for (const std::string& sentence : eval::failures_of(numbers)) log_warning(sentence + where);
}

}  // namespace

TrainEvaluation::TrainEvaluation(const TrainRecipe& recipe, fs::path run, rewards::Reward& reward,
                                 rewards::Reward& judge, comm::Group& group,
                                 std::function<void(const nlohmann::ordered_json&)> observer)
    : config_(recipe.eval),
      run_(std::move(run)),
      reward_(reward),
      judge_(judge),
      group_(group),
      observer_(std::move(observer)),
      features_(rewards::make_features(recipe.eval.features, recipe.train.device)),
      classifier_(eval::make_classifier(recipe.eval.classes_model, recipe.train.device)),
      passes_(eval::eval_passes(recipe.eval)) {
  add_prompts("prompts", recipe.eval_prompts());
  if (!config_.heldout.empty()) add_prompts("heldout", config_.heldout);
}

void TrainEvaluation::add_prompts(const std::string& set, const fs::path& file) {
  prompts_[set] = text::load_prompts(file);
  rewards::check_prompts(reward_, "reward", prompts_[set], file.string());
  rewards::check_prompts(judge_, "judge", prompts_[set], file.string());
}

std::vector<std::vector<std::string>> TrainEvaluation::encoded_lists() const {
  std::vector<std::vector<std::string>> lists{{""}};  // for guidance
  for (const auto& [set, prompts] : prompts_) {
    std::vector<std::string>& texts = lists.emplace_back();
    for (const text::Prompt& prompt : prompts) texts.push_back(prompt.text);
  }
  return lists;
}

void TrainEvaluation::evaluate(train::Trainer& trainer, io::JsonLines* evals, train::EventLog* events) {
  for (const eval::EvalPass& pass : passes_)
    if (trainer.steps_done() > 0 || pass.weights != "raw") evaluate_pass(pass, trainer, evals, events);
}

void TrainEvaluation::evaluate_pass(const eval::EvalPass& pass, train::Trainer& trainer, io::JsonLines* evals,
                                    train::EventLog* events) {
  const int64_t step = trainer.steps_done();
  std::optional<train::BorrowedWeights> average;
  if (pass.weights == "ema") average.emplace(trainer.params(), trainer.ema_weights());
  const eval::Measured measured = eval::evaluate(
      trainer.policy(), prompts_.at(pass.set),
      {.reward = reward_,
       .judge = judge_,
       .features = features_.get(),
       .classifier = classifier_.get(),
       .group = &group_},
      eval::config_of(pass, config_), group_.leads() ? base_pass(run_, pass, step) : eval::BasePass{});
  const eval::Evaluation& numbers = measured.numbers;
  if (!group_.leads()) return tell_failures(pass, step, numbers);
  if (step == 0) save_base_trace(run_, pass, measured.trace);
  nlohmann::ordered_json row{{"step", step}, {"weights", step == 0 ? "base" : pass.weights}};
  row.update({{"role", pass.role}, {"set", pass.set}});
  row.update(numbers.to_json());
  evals->append(row);
  events->add_evaluation(row, save_pictures(pass, step, measured.pictures));
  if (observer_) observer_(row);
  tell_failures(pass, step, numbers);
  if (pass == eval::EvalPass{})
    log_info(cat("eval   step ", step, ": reward ", shown(numbers["reward"]), ", judge ",
                 shown(numbers["judge"]), ", feature distance ", shown(numbers["feature_distance"]),
                 ", recall ", shown(numbers["recall"]), "   ", format_duration(numbers.seconds)));
  else if (pass.set == "heldout")
    log_info(cat("eval   step ", step, ", ", pass.set, ": ", heldout_numbers(numbers), "reward ",
                 shown(numbers["reward"]), "   ", format_duration(numbers.seconds)));
}

// Of the main pass and of held-out prompts; the others show the same prompts again.
fs::path TrainEvaluation::save_pictures(const eval::EvalPass& pass, int64_t step,
                                        const at::Tensor& pictures) const {
  if (pass.role != "select" || pass.weights != "ema") return {};
  const std::string name = cat(pass.set == "heldout" ? "heldout_" : "", io::step_name(step));
  const std::vector<text::Prompt>& prompts = prompts_.at(pass.set);
  const at::Tensor bytes = (pictures * 255).round().clamp(0, 255).to(at::kCPU, at::kByte).contiguous();
  nn::save_safetensors(run_ / "samples" / (name + ".safetensors"), {{"pictures", bytes}});
  const fs::path sheet = run_ / "samples" / (name + ".png");
  io::save_png(
      sheet, io::contact_sheet({{.title = cat("step ", step), .rows = sheet_rows(pictures, prompts.size())}},
                               sheet_options(prompts)));
  return sheet;
}

std::string evaluation_cost(const fs::path& run) {
  const double evaluation = sum_of(run / "evals.jsonl", "seconds"),
               training = sum_of(run / "metrics.jsonl", "seconds_total");
  if (evaluation == 0) return "";
  char share[16];
  std::snprintf(share, sizeof share, "%.1f", 100 * evaluation / (evaluation + training));
  return cat("evaluation took ", share, " % of the run (", format_duration(evaluation), " of ",
             format_duration(evaluation + training), ")");
}

}  // namespace gamut::run
