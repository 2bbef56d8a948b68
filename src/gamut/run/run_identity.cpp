// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/run_identity.h"

#include "gamut/core/error.h"

namespace gamut::run {

std::string run_name(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder.lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

std::string recipe_name(const std::filesystem::path& folder, int64_t seed) {
  const std::string name = run_name(folder), suffix = cat("-", seed);
  return name.size() > suffix.size() && name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size())
                                                               : name;
}

std::string evaluation_differences(const TrainRecipe& one, const TrainRecipe& two) {
  std::string found;
  auto compare = [&](const char* what, const auto& a, const auto& b) {
    if (a != b) found += cat(found.empty() ? "" : ", ", what, " (", a, " and ", b, ")");
  };
  compare("model", one.train.model, two.train.model);
  compare("evaluation prompts", one.eval_prompts().string(), two.eval_prompts().string());
  compare("eval.members", one.eval.members, two.eval.members);
  compare("eval.steps", one.eval.steps, two.eval.steps);
  compare("eval.seed", one.eval.seed, two.eval.seed);
  compare("judge.kind", one.judge.kind, two.judge.kind);
  return found;
}

}  // namespace gamut::run
