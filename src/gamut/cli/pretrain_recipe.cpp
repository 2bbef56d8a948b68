// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/pretrain_recipe.h"

#include "gamut/train/pretrain.h"
#include "gamut/train/pretrain_reader.h"

namespace gamut::cli {

std::string task_of(const Recipe& recipe) {
  for (const RecipeEntry& entry : recipe.entries)
    if (entry.key == "task")
      return entry.toml.size() < 2 ? entry.toml : entry.toml.substr(1, entry.toml.size() - 2);
  return "";
}

Resolved resolve_pretrain_recipe(const Recipe& recipe) {
  if (task_of(recipe) == "reader") {
    train::ReaderTrainingConfig config;
    return bind(recipe, config);
  }
  train::PretrainConfig config;
  return bind(recipe, config);
}

}  // namespace gamut::cli
