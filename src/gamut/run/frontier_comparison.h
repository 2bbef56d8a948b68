// SPDX-License-Identifier: Apache-2.0
// Runs against a baseline at equal reward and at equal diversity: `gamut frontier`, gamut.frontier.
#pragma once

#include "gamut/eval/frontier.h"
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
  bool interpolate = false;  // along straight lines between checkpoints, not in steps
};

struct ComparedMethods {
  ComparedRuns runs;
  std::vector<eval::Comparison> all, equal_time;  // against the baseline
};

// Run folders, folders of runs, or .jsonl files of collected evaluations. ConfigError for an unknown baseline
// or measure.
ComparedMethods compare_all(const std::vector<std::string>& paths, const FrontierOptions& options);
nlohmann::ordered_json to_json(const ComparedMethods& found, const FrontierOptions& options);

}  // namespace gamut::run
