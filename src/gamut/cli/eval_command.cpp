// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/lora_argument.h"
#include "gamut/cli/model_argument.h"
#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/eval/table.h"
#include "gamut/io/image.h"
#include "gamut/models/guidance.h"
#include "gamut/nn/images.h"
#include "gamut/run/run_argument.h"
#include "gamut/run/train_recipe.h"
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

void write_sheet(const std::string& path, const at::Tensor& pictures, const std::vector<text::Prompt>& prompts) {
  const int64_t members = pictures.size(0) / int64_t(prompts.size());
  io::SheetBlock block;
  io::SheetOptions options;
  for (size_t p = 0; p < prompts.size(); ++p) {
    block.rows.push_back(nn::tensor_to_images(pictures.narrow(0, int64_t(p) * members, members)));
    options.row_labels.push_back(prompts[p].target.empty() ? prompts[p].text : prompts[p].target);
  }
  io::save_png(path, io::contact_sheet({block}, options));
}

using Measured = std::pair<eval::EvalPass, eval::Evaluation>;

// Column titles: the main pass is "value".
std::string title_of(const eval::EvalPass& pass) {
  if (pass == eval::EvalPass{}) return "value";
  return pass.set == "heldout" ? "held-out" : "other seed";
}

nlohmann::ordered_json row_of(const Measured& measured) {
  nlohmann::ordered_json row{{"role", measured.first.role}, {"set", measured.first.set}};
  row.update(measured.second.to_json());
  return row;
}

// One object: the main evaluation, the others in its list "further".
void print(const std::vector<Measured>& all, const std::string& measured, bool json) {
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
TunedModel model_of(const EvalFlags& flags, const run::TrainRecipe& recipe) {
  if (!flags.model.empty()) return find_tuned(flags.model);
  return run::is_run(flags.recipe) ? find_tuned(flags.recipe) : find_tuned(recipe.train.model);
}

models::Pipeline open_model(const EvalFlags& flags, const run::TrainRecipe& recipe, const TunedModel& model) {
  models::Pipeline pipe = train::open_policy(recipe.train, model.folder);
  model.apply(pipe);
  if (!flags.weights.empty())
    train::copy_weights(pipe.denoiser_params().params(), nn::load_safetensors(flags.weights), "weights");
  add_loras(pipe, flags.loras);
  return pipe;
}

// The prompts of each pass that is made; of real glyphs only the main one.
std::vector<std::pair<eval::EvalPass, std::vector<text::Prompt>>> passes_of(const run::TrainRecipe& recipe, const EvalFlags& flags,
                                                                            const eval::Judges& judges) {
  std::vector<std::pair<eval::EvalPass, std::vector<text::Prompt>>> passes;
  for (const eval::EvalPass& pass : eval::eval_passes(recipe.eval)) {
    if (flags.data && pass != eval::EvalPass{}) break;
    const fs::path file = pass.set == "heldout" ? fs::path(recipe.eval.heldout) : recipe.eval_prompts();
    passes.emplace_back(pass, text::load_prompts(file));
    rewards::check_prompts(judges.reward, "reward", passes.back().second, file.string());
    rewards::check_prompts(judges.judge, "judge", passes.back().second, file.string());
  }
  return passes;
}

// After the numbers are printed: a command whose measure failed altogether has not done what it was asked for.
void check_any_scored(const std::vector<Measured>& all) {
  for (const auto& [pass, numbers] : all)
    if (const std::string sentence = eval::total_failure(numbers); !sentence.empty()) throw NumericalError("eval", sentence);
}

std::string measured_by(const EvalFlags& flags, const TunedModel& model) {
  std::string text = model.measured;
  if (!flags.weights.empty()) text += cat(", weights of ", flags.weights);
  for (const std::string& lora : flags.loras) text += cat(", adapter ", lora);
  return text;
}

int evaluate(const EvalFlags& flags) {
  run::TrainRecipe recipe = run::load_train_recipe(flags.recipe, flags.sets);
  recipe.eval.raw = false;  // there is one set of weights
  if (!flags.data) models::warn_below_one(recipe.eval.guidance_scale, "eval.guidance_scale");
  const auto reward = rewards::make_reward(recipe.reward), judge = rewards::make_reward(recipe.judge);
  const auto features = rewards::make_features(recipe.eval.features, recipe.eval.features_model);
  const eval::Judges judges{.reward = *reward, .judge = *judge, .features = features.get()};
  const auto passes = passes_of(recipe, flags, judges);
  std::optional<models::Pipeline> pipe;
  std::string measured = "real glyphs";
  if (!flags.data) {
    const TunedModel model = model_of(flags, recipe);
    pipe.emplace(open_model(flags, recipe, model));
    measured = measured_by(flags, model);
  }
  std::vector<Measured> all;
  for (const auto& [pass, prompts] : passes) {
    const eval::EvalConfig config = eval::config_of(pass, recipe.eval);
    at::Tensor pictures;
    all.emplace_back(pass, flags.data ? eval::evaluate_data(prompts, judges, config, &pictures)
                                      : eval::evaluate(*pipe, prompts, judges, config, &pictures));
    if (pass == eval::EvalPass{} && !flags.out.empty()) write_sheet(flags.out, pictures, prompts);
  }
  print(all, measured, flags.json);
  check_any_scored(all);
  return 0;
}

}  // namespace

void add_eval_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = program.add_subcommand("eval", "reward and diversity on fixed seeds");
  command
      ->add_option("recipe", flags->recipe,
                   "TOML recipe: its reward, judge, prompts and [eval]; or a run folder, to measure its model")
      ->required();
  command->add_option("--model", flags->model,
                      "model folder, run folder or ORG/NAME (default: the recipe's, or the run's)");
  command->add_option("--weights", flags->weights, "denoiser weights to use instead (a checkpoint's .safetensors)");
  command->add_option("--lora", flags->loras, "adapter: FILE or FILE:scale (repeatable)")->allow_extra_args(false);
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")->allow_extra_args(false);
  command->add_option("--out", flags->out, "contact sheet of what was measured, PNG");
  command->add_flag("--data", flags->data, "measure real glyphs instead of a model");
  command->add_flag("--json", flags->json, "one JSON object on stdout");
  command->callback([flags, &chosen] { chosen = [flags] { return evaluate(*flags); }; });
}

}  // namespace gamut::cli
