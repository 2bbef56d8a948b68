// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/pretrain_recipe.h"

#include "gamut/tasks/glyphs/pretrain.h"
#include "gamut/tasks/glyphs/pretrain_clip.h"
#include "gamut/tasks/glyphs/pretrain_reader.h"

namespace gamut::cli {

std::string task_of(const Recipe& recipe) {
  for (const RecipeEntry& entry : recipe.entries)
    if (entry.key == "task")
      return entry.toml.size() < 2 ? entry.toml : entry.toml.substr(1, entry.toml.size() - 2);
  return "";
}

namespace {

template <class Config>
Resolved bind_as(const Recipe& recipe) {
  Config config;
  return bind(recipe, config);
}

}  // namespace

Resolved resolve_pretrain_recipe(const Recipe& recipe) {
  const std::string task = task_of(recipe);
  if (task == "reader" || task == "faces") return bind_as<glyphs::ReaderTrainingConfig>(recipe);
  if (task == "clip") return bind_as<glyphs::ClipTrainingConfig>(recipe);
  return bind_as<glyphs::PretrainConfig>(recipe);
}

}  // namespace gamut::cli
