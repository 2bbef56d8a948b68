// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/model_argument.h"

#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/models/families/family.h"
#include "gamut/nn/lora.h"
#include "gamut/run/measured.h"
#include "gamut/run/run_argument.h"
#include "gamut/train/checkpoint.h"
#include "gamut/train/ema.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAdapter = "pytorch_lora_weights.safetensors";

bool is_complete_model(const fs::path& folder) {
  return fs::exists(folder / "model_index.json") || fs::exists(folder / kAdapter);
}

// The run that a path means, or "".
fs::path run_of(const std::string& name) {
  if (name.empty()) return {};
  fs::path path = fs::path(name).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (fs::exists(path / "model_index.json") || fs::exists(path / kAdapter))
    return path.filename() == "model" && is_run(path.parent_path()) ? path.parent_path() : fs::path();
  return is_run(path) ? path : fs::path();
}

int64_t last_step(const fs::path& rows) {
  int64_t step = 0;
  if (!fs::exists(rows)) return step;
  for (const nlohmann::json& row : io::read_json_lines(rows))
    if (row.is_object() && row.contains("step") && row["step"].is_number_integer())
      step = std::max(step, row["step"].get<int64_t>());
  return step;
}

// Factors as a checkpoint holds them: "<path>.lora_A.weight", then "<path>.lora_B.weight".
nn::LoraFile adapter_of_checkpoint(const fs::path& file, const nn::LoraConfig& config,
                                   const std::string& model) {
  std::vector<nn::NamedTensor> tensors;
  for (const auto& [name, tensor] : nn::load_safetensors(file)) tensors.push_back({name, tensor});
  nn::LoraFile adapter = nn::lora_of(tensors, config, models::family_of(models::ModelFolder(model)).denoiser);
  adapter.origin = file.string();
  return adapter;
}

TunedModel model_of_checkpoint(const fs::path& run, const TrainRecipe& recipe) {
  const auto checkpoint = train::latest_checkpoint(run);
  if (!checkpoint)
    throw EnvironmentError("model",
                           cat("the run '", printable(run.string()), "' has no model yet and no checkpoint; ",
                               "wait for its first checkpoint, or resume it"));
  const fs::path weights = *checkpoint / "ema.safetensors";
  TunedModel model{.folder = recipe.train.model,
                   .measured = cat(checkpoint->string(), ", ", averaged_weights(recipe.train.ema))};
  if (recipe.train.lora.is_on())
    model.adapter = adapter_of_checkpoint(weights, recipe.train.lora, recipe.train.model);
  else
    model.weights = weights;
  return model;
}

}  // namespace

void TunedModel::apply(models::Pipeline& pipe) const {
  if (!weights.empty())
    train::copy_weights(pipe.denoiser_params().params(), nn::load_safetensors(weights), "weights");
  if (adapter) pipe.add_lora(*adapter, 1);
}

TunedModel find_tuned(const std::string& name) {
  const fs::path run = run_of(name);
  if (run.empty()) return {.folder = find_input(name, NamedBy::kCommandLine).name, .measured = name};
  const TrainRecipe recipe = load_train_recipe(run / "config.toml", {});
  // A run that was resumed after its end is past the model that it left then.
  if (!is_complete_model(run / "model") || !fs::exists(run / "before_after.txt"))
    return model_of_checkpoint(run, recipe);
  TunedModel model{.folder = (run / "model").string(),
                   .measured = measured_run(run, recipe, last_step(run / "metrics.jsonl"))};
  if (!recipe.train.lora.is_on()) return model;
  model.folder = recipe.train.model;
  model.adapter = nn::load_lora(run / "model");
  model.measured += cat(", adapter over ", recipe.train.model);
  return model;
}

}  // namespace gamut::run
