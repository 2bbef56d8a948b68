// SPDX-License-Identifier: Apache-2.0
// Runs against a baseline at equal reward and at equal diversity: `gamut frontier`, gamut.frontier.
#pragma once

#include "gamut/eval/frontier.h"
#include "gamut/eval/level_pairs.h"
#include "gamut/run/frontier_runs.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace gamut::run {

struct FrontierOptions {
  std::string baseline =
      "";  // recipe to compare with; "" = flow_grpo, or nothing where there is one recipe alone
  std::string x = "reward", y = "color_spread";  // measures of quality and of diversity
  eval::CompareOptions compare = {};
  std::string weights = "ema";  // or raw: those without averaging
  bool interpolate = false;     // along straight lines between checkpoints, not in steps
  // Every pair of methods at the same levels (compare.levels, else LevelOptions') instead of all against a
  // baseline; runs of one protocol.
  bool pairs = false;
};

struct ComparedMethods {
  ComparedRuns runs;
  std::vector<eval::Comparison> all, equal_time;       // against the baseline
  std::vector<eval::LevelTable> tables, timed_tables;  // pairs; within `budget`
  std::optional<double> budget = {};                   // training seconds of the shortest run
};

// Run folders, folders of runs, or .jsonl files of collected evaluations. ConfigError for an unknown baseline
// or measure, and with `pairs` for a single recipe or runs of two protocols.
ComparedMethods compare_all(const std::vector<std::string>& paths, const FrontierOptions& options);
nlohmann::ordered_json to_json(const ComparedMethods& found, const FrontierOptions& options);

}  // namespace gamut::run
