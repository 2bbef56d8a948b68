// SPDX-License-Identifier: Apache-2.0
// Evaluations back from disk: a run folder, or rows collected from many.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gamut::run {

// The evaluations of one run and what they were made with.
struct RunRows {
  std::string origin;  // run folder, or file and run within it, for messages
  std::string group;   // folder name without "-<seed>", or the rows' "recipe"
  int64_t seed = 0;
  // "eval.seed" -> "1000": runs that differ in one that both have cannot be compared.
  std::map<std::string, std::string> settings;
  // Every other key of the recipe; runs of one group may differ in the seed and in how long and how often
  // only.
  std::map<std::string, std::string> recipe;
  std::string protocol = {};          // protocol.h; "" = the rows do not say
  std::map<int64_t, double> seconds;  // training time by step
  std::map<int64_t, std::map<std::string, double>>
      select;  // step -> measure; held-out ones as "heldout.<measure>"
  std::map<int64_t, std::map<std::string, double>> report;
};

// `weights`: "ema", or "raw" (eval.raw), which has one evaluation and no report; the base counts as either.
// A run folder gives one, a .jsonl of collected rows (recipe, seed, step, train_seconds, measures) as many as
// it holds. DataError or EnvironmentError in one line when there is nothing to read; a half-written last line
// is warned about and left out.
std::vector<RunRows> read_run_rows(const std::filesystem::path& path, const std::string& weights = "ema");

// Training time in seconds until each step, the sum of metrics.jsonl's seconds_total; evaluations don't
// count.
std::map<int64_t, double> training_seconds(const std::filesystem::path& metrics);

}  // namespace gamut::run
