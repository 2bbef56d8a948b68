// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/train_recipe.h"

#include "gamut/core/error.h"
#include "gamut/run/run_argument.h"
#include "gamut/tasks/tasks.h"
#include "gamut/text/prompt_variants.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

namespace gamut::run {
namespace {

// The value of `algorithm` before anything is bound: it decides the defaults of the slots.
std::string named_algorithm(const Recipe& recipe, const std::string& fallback) {
  std::string name = fallback;
  for (const RecipeEntry& entry : recipe.entries)
    if (entry.key == "algorithm" && entry.toml.size() >= 2)
      name = entry.toml.substr(1, entry.toml.size() - 2);
  return name;
}

constexpr const char* kGateRewards = "regularizer.gate_rewards";
constexpr size_t kMostGateRewards = 16;

// The recipe's file of an entry; "" for --set.
std::string file_of(const RecipeEntry& entry) {
  return entry.line == 0 ? "" : entry.origin.substr(0, entry.origin.rfind(':'));
}

// Gate rewards stand as a list of names or as tables; of a recipe that extends another, what the last file
// writes counts. Returns the number of tables.
size_t settle_gate_rewards(Recipe& recipe) {
  const std::string tables = cat(kGateRewards, ".");
  const auto is_list = [](const RecipeEntry& entry) { return entry.key == kGateRewards; };
  const auto is_table = [&](const RecipeEntry& entry) { return entry.key.starts_with(tables); };
  std::string file;
  bool listed = true;
  for (const RecipeEntry& entry : recipe.entries) {
    if (!is_list(entry) && !is_table(entry)) continue;
    listed = is_list(entry);
    if (entry.line > 0) file = file_of(entry);
  }
  std::erase_if(recipe.entries, [&](const RecipeEntry& entry) {
    return listed ? is_table(entry)
                  : is_list(entry) || (is_table(entry) && entry.line > 0 && file_of(entry) != file);
  });
  size_t count = 0;
  for (const RecipeEntry& entry : recipe.entries)
    if (is_table(entry))
      count = std::max(count, size_t(std::strtoul(entry.key.c_str() + tables.size(), nullptr, 10)));
  return std::min(count, kMostGateRewards);
}

TrainRecipe resolve_train_recipe(const Recipe& written) {
  tasks::register_tasks();  // their rewards are kinds of reward.kind
  TrainRecipe out;
  Recipe recipe = written;
  out.train.gate_tables.resize(settle_gate_rewards(recipe));
  const std::string name = named_algorithm(recipe, out.train.algorithm);
  for (const algorithms::NamedAlgorithm& algorithm : algorithms::algorithm_table())
    if (algorithm.name == name) out.train.slots = algorithm.fill();
  out.resolved = bind(recipe, out);  // an unknown algorithm is reported here, with its place
  out.train.gate_defaults = out.reward;

  // A slot's value that is written nowhere came from the algorithm.
  algorithms::Slots slots;
  std::set<std::string> of_algorithm;
  for (const ResolvedField& field : bind(Recipe{}, slots).fields) of_algorithm.insert(field.key);
  for (ResolvedField& field : out.resolved.fields)
    if (field.origin == "default" && of_algorithm.contains(field.key)) field.origin = "algorithm " + name;
  return out;
}

}  // namespace

void TrainRecipe::fields(FieldVisitor& v) {
  train.fields(v);
  v.table("reward", reward, "what is trained on");
  v.table("judge", judge, "an independent reader that never trains");
  v.table("eval", eval, "fixed-seed evaluation during training and by gamut eval");
  v.table("record", record, "what a run keeps to look at afterwards");
}

std::vector<text::Prompt> TrainRecipe::load_rollout_prompts() const {
  const train::RolloutConfig& rollout = train.rollout;
  const std::vector<text::Prompt> prompts = text::load_prompts(rollout.prompts);
  if (!rollout.variants.empty()) return text::with_variants(prompts, rollout.variants);
  if (train.slots.objective.plain_share > 0)
    throw ConfigError(
        "rollout", cat("objective.plain_share is ", train.slots.objective.plain_share,
                       " and rollout.variants is empty, so every prompt is plain already; expected 0, or a "
                       "file of captions"));
  return prompts;
}

TrainRecipe load_train_recipe(const std::filesystem::path& path, const std::vector<std::string>& sets) {
  return resolve_train_recipe(load_recipe(recipe_file(path), sets));
}

TrainRecipe load_train_recipe(const std::vector<std::string>& sets) {
  return resolve_train_recipe(parse_recipe("", "no recipe", sets));
}

std::string recipe_changes(const TrainRecipe& now, const std::filesystem::path& stored_config,
                           const std::string& free) {
  TrainRecipe stored = load_train_recipe(stored_config, {});
  std::map<std::string, std::string> before;
  for (const ResolvedField& field : stored.resolved.fields) before[field.key] = field.toml;
  std::string changed;
  for (const ResolvedField& field : now.resolved.fields)
    if (field.key != "iterations" && field.key != "comm.timeout" && field.key != free &&
        before[field.key] != field.toml)
      changed +=
          cat(changed.empty() ? "" : ", ", field.key, " was ", before[field.key], " and is ", field.toml);
  return changed;
}

void check_same_recipe(const TrainRecipe& now, const std::filesystem::path& stored_config) {
  const std::string changed = recipe_changes(now, stored_config);
  if (!changed.empty())
    throw ConfigError(
        "run",
        cat("a run resumes only under its own recipe; changed: ", changed,
            "; start a new run, or undo the change (only `iterations` and `comm.timeout` may differ)"));
}

}  // namespace gamut::run
