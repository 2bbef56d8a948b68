// SPDX-License-Identifier: Apache-2.0
// A sweep as written and as the runs it stands for: recipes x variants x seeds, and single recipes beside
// them.
#pragma once

#include "gamut/core/config.h"
#include "gamut/run/train_recipe.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gamut::run {

// [[variant]]: every recipe of `recipes` with the same overrides.
struct SweepVariant {
  std::string label;
  std::vector<std::string> set;
  void fields(FieldVisitor& v);
};

// [[run]]: one recipe of its own.
struct SweepRun {
  std::string recipe, label;
  std::vector<std::string> set;
  std::vector<int64_t> seeds;
  void fields(FieldVisitor& v);
};

struct SweepConfig {
  std::string name, folder;
  std::vector<std::string> recipes;
  std::vector<int64_t> seeds{1, 2, 3};
  std::vector<std::string> set;
  int64_t jobs = 1, threads = 1;
  std::string baseline;
  std::vector<double> levels{0.9};
  std::vector<std::string> ended;      // results.jsonl of other machines, with this sweep's runs
  std::vector<SweepVariant> variants;  // from [[variant]]
  std::vector<SweepRun> runs;          // from [[run]]
  void fields(FieldVisitor& v);
};

// Name and folder filled in. ConfigError for unknown keys and values outside their rules, all at once.
SweepConfig load_sweep(const std::filesystem::path& path);

struct PlannedRun {
  std::string method;  // "diverse_grpo", "diverse_grpo@pooled"
  std::string name;    // "diverse_grpo@pooled-3": of its folder and its log
  int64_t seed = 0;
  std::filesystem::path recipe;  // beside the sweep's file, as `extends` names files
  std::vector<std::string> sets;
  TrainRecipe resolved;
};

// Every run of the sweep, the first seed of all methods before the second of any; `more_sets` override the
// rest. ConfigError when a recipe does not resolve, two runs have one name, or the baseline is none of the
// methods.
std::vector<PlannedRun> plan_runs(const SweepConfig& sweep, const std::filesystem::path& path,
                                  const std::vector<std::string>& more_sets);

// The method that others are compared with: the config's, else flow_grpo, else the first.
std::string baseline_of(const SweepConfig& sweep, const std::vector<PlannedRun>& runs);

}  // namespace gamut::run
