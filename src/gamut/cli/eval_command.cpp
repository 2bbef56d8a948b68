// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/lora_argument.h"
#include "gamut/cli/train_recipe.h"
#include "gamut/core/error.h"
#include "gamut/eval/table.h"
#include "gamut/io/image.h"
#include "gamut/nn/device.h"
#include "gamut/nn/images.h"
#include "gamut/train/ema.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

namespace gamut::cli {
namespace {

struct Flags {
  std::string recipe, model, weights, out;
  std::vector<std::string> sets, loras;
  bool json = false, data = false;
};

void write_sheet(const std::string& path, const at::Tensor& pictures,
                 const std::vector<text::Prompt>& prompts) {
  const int64_t members = pictures.size(0) / int64_t(prompts.size());
  io::SheetBlock block;
  io::SheetOptions options;
  for (size_t p = 0; p < prompts.size(); ++p) {
    block.rows.push_back(nn::tensor_to_images(pictures.narrow(0, int64_t(p) * members, members)));
    options.row_labels.push_back(prompts[p].target.empty() ? prompts[p].text : prompts[p].target);
  }
  io::save_png(path, io::contact_sheet({block}, options));
}

int evaluate(const Flags& flags) {
  const TrainRecipe recipe = load_train_recipe(flags.recipe, flags.sets);
  const std::vector<text::Prompt> prompts = text::load_prompts(recipe.eval_prompts());
  const auto reward = rewards::make_reward(recipe.reward), judge = rewards::make_reward(recipe.judge);
  const auto features = rewards::make_features(recipe.eval.features, recipe.eval.features_model);
  const eval::Judges judges{.reward = *reward, .judge = *judge, .features = features.get()};
  at::Tensor pictures;
  eval::Evaluation result;
  if (flags.data) {
    result = eval::evaluate_data(prompts, judges, recipe.eval, &pictures);
  } else {
    const std::string model = flags.model.empty() ? recipe.train.model : flags.model;
    models::Pipeline pipe = models::Pipeline::open(model, {.device = nn::open_device(recipe.train.device)});
    if (!flags.weights.empty())
      train::copy_weights(pipe.denoiser_params().params(), nn::load_safetensors(flags.weights), "weights");
    add_loras(pipe, flags.loras);
    result = eval::evaluate(pipe, prompts, judges, recipe.eval, &pictures);
  }
  if (!flags.out.empty()) write_sheet(flags.out, pictures, prompts);
  if (flags.json)
    std::printf("%s\n", result.to_json().dump(2).c_str());
  else
    std::printf("%s", eval::comparison_table({{"value", result}}).c_str());
  return 0;
}

}  // namespace

void add_eval_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand("eval", "reward and diversity on fixed seeds");
  command->add_option("recipe", flags->recipe, "TOML recipe: its reward, judge, prompts and [eval]")
      ->required();
  command->add_option("--model", flags->model, "model folder (default: the recipe's)");
  command->add_option("--weights", flags->weights,
                      "denoiser weights to use instead (a checkpoint's .safetensors)");
  command->add_option("--lora", flags->loras, "adapter: FILE or FILE:scale (repeatable)")->allow_extra_args(false);
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--out", flags->out, "contact sheet of what was measured, PNG");
  command->add_flag("--data", flags->data, "measure real glyphs instead of a model");
  command->add_flag("--json", flags->json, "one JSON object on stdout");
  command->callback([flags, &chosen] { chosen = [flags] { return evaluate(*flags); }; });
}

}  // namespace gamut::cli
