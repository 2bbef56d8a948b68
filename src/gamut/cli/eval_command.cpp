// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/run/lora_argument.h"
#include "gamut/run/model_argument.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/eval/table.h"
#include "gamut/io/image.h"
#include "gamut/models/guidance.h"
#include "gamut/run/run_argument.h"
#include "gamut/run/stored_run.h"
#include "gamut/run/train_recipe.h"
#include "gamut/tasks/tasks.h"
#include "gamut/train/ema.h"
#include "gamut/train/policy.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

struct EvalFlags {
  std::string recipe, model, weights, out;
  std::vector<std::string> sets, loras;
  bool json = false, data = false;
};

void write_sheet(const std::string& path, const at::Tensor& pictures,
                 const std::vector<text::Prompt>& prompts) {
  const io::SheetBlock all{.title = "", .rows = run::sheet_rows(pictures, prompts.size(), pictures.size(0))};
  io::save_png(path, io::contact_sheet({all}, run::sheet_options(prompts)));
}

using PassNumbers = std::pair<eval::EvalPass, eval::Evaluation>;

// Column titles: the main pass is "value".
std::string title_of(const eval::EvalPass& pass) {
  if (pass == eval::EvalPass{}) return "value";
  return pass.set == "heldout" ? "held-out" : "other seed";
}

nlohmann::ordered_json row_of(const PassNumbers& measured) {
  nlohmann::ordered_json row{{"role", measured.first.role}, {"set", measured.first.set}};
  row.update(measured.second.to_json());
  return row;
}

// One object: the main evaluation, the others in its list "further".
void print(const std::vector<PassNumbers>& all, const std::string& measured, bool json) {
  if (json) {
    nlohmann::ordered_json row{{"measured", measured}}, further = nlohmann::ordered_json::array();
    row.update(row_of(all.front()));
    for (size_t i = 1; i < all.size(); ++i) further.push_back(row_of(all[i]));
    row["further"] = further;
    std::printf("%s\n", row.dump(2).c_str());
    return;
  }
  std::vector<eval::TableColumn> columns;
  for (const auto& [pass, numbers] : all) columns.push_back({title_of(pass), numbers});
  std::printf("%s(measured: %s)\n", eval::measures_table(columns).c_str(), measured.c_str());
}

// Without --model a run folder in the recipe's place means its own tuned model.
run::TunedModel model_of(const EvalFlags& flags, const run::TrainRecipe& recipe) {
  if (!flags.model.empty()) return run::find_tuned(flags.model);
  return run::is_run(flags.recipe) ? run::find_tuned(flags.recipe) : run::find_tuned(recipe.train.model);
}

models::Pipeline open_model(const EvalFlags& flags, const run::TrainRecipe& recipe,
                            const run::TunedModel& model) {
  models::Pipeline pipe = train::open_policy(recipe.train, model.folder);
  model.apply(pipe);
  if (!flags.weights.empty())
    train::copy_weights(pipe.denoiser_params().params(), nn::load_safetensors(flags.weights), "weights");
  run::add_loras(pipe, flags.loras);
  return pipe;
}

struct Pass {
  eval::EvalPass which;
  std::vector<text::Prompt> prompts;
  eval::BasePass base = {};
};

// Each pass that is made, with its prompts; of real data only the main one.
std::vector<Pass> passes_of(const run::TrainRecipe& recipe, const EvalFlags& flags,
                            const eval::Judges& judges) {
  std::vector<Pass> passes;
  for (const eval::EvalPass& pass : eval::eval_passes(recipe.eval)) {
    if (flags.data && pass != eval::EvalPass{}) break;
    const fs::path file = pass.set == "heldout" ? fs::path(recipe.eval.heldout) : recipe.eval_prompts();
    passes.push_back({pass, text::load_prompts(file)});
    rewards::check_prompts(judges.reward, "reward", passes.back().prompts, file.string());
    rewards::check_prompts(judges.judge, "judge", passes.back().prompts, file.string());
  }
  return passes;
}

bool is_tuned(const EvalFlags& flags, const run::TunedModel& model) {
  return !model.weights.empty() || model.adapter || !flags.weights.empty() || !flags.loras.empty();
}

// What the recipe's model draws in each pass, for measures that compare with the base; nothing where what is
// measured is that model, and a warning where it cannot be opened.
void add_bases(const run::TrainRecipe& recipe, const EvalFlags& flags, const run::TunedModel& model,
               const eval::Judges& judges, std::vector<Pass>& passes) {
  const std::string base = recipe.train.model.empty() ? model.folder : recipe.train.model;
  const bool itself = !is_tuned(flags, model) && base == model.folder;
  for (Pass& pass : passes) pass.base.is_measured = itself;
  if (itself) return;
  try {
    const models::Pipeline pipe = train::open_policy(recipe.train, base);
    for (Pass& pass : passes)
      pass.base.trace = eval::trace_of(pipe, pass.prompts, judges, eval::config_of(pass.which, recipe.eval));
  } catch (const Error& error) {
    log_warning(cat("nothing is compared with the base, the recipe's model: ", error.what()));
  }
}

// Real data where the prompts are a task's.
const tasks::Task& data_task(const std::vector<text::Prompt>& prompts) {
  const tasks::Task* task = tasks::task_of(prompts);
  return task ? *task : tasks::task_table().front();  // whose drawing says what a prompt lacks
}

// After the numbers are printed: a command whose measure failed altogether has not done what it was asked
// for.
void check_any_scored(const std::vector<PassNumbers>& all) {
  for (const auto& [pass, numbers] : all)
    if (const std::string sentence = eval::total_failure(numbers); !sentence.empty())
      throw NumericalError("eval", sentence);
}

std::string measured_by(const EvalFlags& flags, const run::TunedModel& model) {
  std::string text = model.measured;
  if (!flags.weights.empty()) text += cat(", weights of ", flags.weights);
  for (const std::string& lora : flags.loras) text += cat(", adapter ", lora);
  return text;
}

// The numbers of every pass; the sheet of the first.
std::vector<PassNumbers> measure_passes(const EvalFlags& flags, const run::TrainRecipe& recipe,
                                        const eval::Judges& judges, const std::vector<Pass>& passes,
                                        const models::Pipeline* pipe) {
  std::vector<PassNumbers> all;
  for (const Pass& pass : passes) {
    const eval::EvalConfig config = eval::config_of(pass.which, recipe.eval);
    const eval::Measured measured =
        pipe ? eval::evaluate(*pipe, pass.prompts, judges, config, pass.base)
             : eval::evaluate_pictures(
                   data_task(pass.prompts).draw_data(pass.prompts, config.members, uint64_t(config.seed)),
                   pass.prompts, judges, config);
    all.emplace_back(pass.which, measured.numbers);
    if (pass.which == eval::EvalPass{} && !flags.out.empty())
      write_sheet(flags.out, measured.pictures, pass.prompts);
  }
  return all;
}

int evaluate(const EvalFlags& flags) {
  run::TrainRecipe recipe = run::load_train_recipe(flags.recipe, flags.sets);
  recipe.eval.raw = false;  // there is one set of weights
  if (!flags.data) models::warn_below_one(recipe.eval.guidance_scale, "eval.guidance_scale");
  const std::string& device = recipe.train.device;
  const auto reward = rewards::make_reward(recipe.reward, device),
             judge = rewards::make_reward(recipe.judge, device);
  const auto features = rewards::make_features(recipe.eval.features, device);
  const auto classifier = eval::make_classifier(recipe.eval.classes_model, device);
  const eval::Judges judges{
      .reward = *reward, .judge = *judge, .features = features.get(), .classifier = classifier.get()};
  std::vector<Pass> passes = passes_of(recipe, flags, judges);
  std::optional<models::Pipeline> pipe;
  std::string measured = flags.data ? data_task(passes.front().prompts).data_name : "";
  if (!flags.data) {
    const run::TunedModel model = model_of(flags, recipe);
    add_bases(recipe, flags, model, judges, passes);
    pipe.emplace(open_model(flags, recipe, model));
    measured = measured_by(flags, model);
  }
  const std::vector<PassNumbers> all = measure_passes(flags, recipe, judges, passes, pipe ? &*pipe : nullptr);
  print(all, measured, flags.json);
  check_any_scored(all);
  return 0;
}

}  // namespace

void add_eval_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = program.add_subcommand("eval", "reward and diversity on fixed seeds");
  command
      ->add_option(
          "recipe", flags->recipe,
          "TOML recipe: its reward, judge, prompts and [eval]; or a run folder, to measure its model")
      ->required();
  command->add_option("--model", flags->model,
                      "model folder, run folder or ORG/NAME (default: the recipe's, or the run's)");
  command->add_option("--weights", flags->weights,
                      "denoiser weights to use instead (a checkpoint's .safetensors)");
  command->add_option("--lora", flags->loras, "adapter: FILE or FILE:scale (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--out", flags->out, "contact sheet of what was measured, PNG");
  command->add_flag("--data", flags->data, "measure the task's own data (real glyphs) instead of a model");
  command->add_flag("--json", flags->json, "one JSON object on stdout");
  command->callback([flags, &chosen] { chosen = [flags] { return evaluate(*flags); }; });
}

}  // namespace gamut::cli
