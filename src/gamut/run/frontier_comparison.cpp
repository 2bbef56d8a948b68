// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/frontier_comparison.h"

#include "gamut/core/error.h"
#include "gamut/eval/frontier_json.h"
#include "gamut/run/protocol.h"
#include "gamut/run/run_argument.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::run {
namespace {

constexpr const char* kDefaultBaseline = "flow_grpo";

std::string names_of(const std::vector<eval::Method>& methods) {
  std::string names;
  for (const eval::Method& method : methods) names += cat(names.empty() ? "" : ", ", method.name);
  return names;
}

// nullptr when there is nothing to compare: one recipe alone.
const eval::Method* find_baseline(const std::vector<eval::Method>& methods, const std::string& asked) {
  const std::string name = asked.empty() ? kDefaultBaseline : asked;
  const auto found =
      std::find_if(methods.begin(), methods.end(), [&](const auto& m) { return m.name == name; });
  if (found != methods.end()) return methods.size() == 1 ? nullptr : &*found;
  if (asked.empty() && methods.size() == 1) return nullptr;
  throw ConfigError("frontier", cat("no run belongs to the baseline '", name, "'; got ", names_of(methods),
                                    "; choose one with --baseline"));
}

void compare_pairs(const std::vector<RunRows>& rows, const FrontierOptions& options, ComparedMethods& found) {
  std::vector<RunProtocol> protocols;
  for (const RunRows& run : rows) protocols.push_back({run.origin, run.protocol});
  check_one_protocol("frontier", protocols);
  if (found.runs.methods.size() < 2)
    throw ConfigError("frontier",
                      cat("pairs need two recipes; got ", names_of(found.runs.methods), " alone"));
  eval::LevelOptions at{.confidence = options.compare.bootstrap.confidence};
  if (!options.compare.levels.empty()) at.levels = options.compare.levels;
  found.tables = eval::level_tables(found.runs.methods, at);
  found.budget = eval::shortest_time(found.runs.methods);
  if (!found.budget) {
    found.runs.notes.push_back("no comparison at equal time: a training time is unknown");
    return;
  }
  at.budget = *found.budget;
  found.timed_tables = eval::level_tables(found.runs.methods, at);
}

}  // namespace

ComparedMethods compare_all(const std::vector<std::string>& paths, const FrontierOptions& options) {
  std::vector<RunRows> rows;
  for (const std::string& path : run_arguments(paths, ".jsonl"))
    for (RunRows& run : read_run_rows(path, options.weights)) rows.push_back(std::move(run));
  ComparedMethods found{.runs = compared_runs(rows, options.x, options.y),
                        .all = {},
                        .equal_time = {},
                        .tables = {},
                        .timed_tables = {}};
  if (options.pairs) return compare_pairs(rows, options, found), found;
  const eval::Method* baseline = find_baseline(found.runs.methods, options.baseline);
  if (!baseline) return found;
  const auto curves = [&](const eval::Method& method) {
    return options.interpolate ? interpolated(method) : method;
  };
  const eval::Method held = curves(*baseline);
  for (const eval::Method& method : found.runs.methods) {
    if (&method == baseline) continue;
    const eval::Method compared = curves(method);
    found.all.push_back(eval::compare_methods(compared, held, options.compare));
    if (auto timed = eval::compare_at_equal_time(compared, held, options.compare))
      found.equal_time.push_back(std::move(*timed));
    else
      found.runs.notes.push_back(
          cat("no comparison at equal time for '", method.name, "': a training time is unknown"));
  }
  return found;
}

nlohmann::ordered_json to_json(const ComparedMethods& found, const FrontierOptions& options) {
  auto list = [](const auto& items) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const auto& item : items) out.push_back(eval::to_json(item));
    return out;
  };
  if (options.pairs)
    return {
        {"x", options.x},
        {"y", options.y},
        {"weights", options.weights},
        {"reported_apart", found.runs.reported_apart},
        {"confidence", options.compare.bootstrap.confidence},
        {"notes", found.runs.notes},
        {"levels", list(found.tables)},
        {"budget_seconds", found.budget ? nlohmann::ordered_json(*found.budget) : nlohmann::ordered_json()},
        {"levels_at_equal_time", list(found.timed_tables)}};
  return {{"x", options.x},
          {"y", options.y},
          {"weights", options.weights},
          {"reported_apart", found.runs.reported_apart},
          {"interpolated", options.interpolate},
          {"confidence", options.compare.bootstrap.confidence},
          {"resamples", options.compare.bootstrap.resamples},
          {"notes", found.runs.notes},
          {"methods", list(found.runs.methods)},
          {"comparisons", list(found.all)},
          {"comparisons_at_equal_time", list(found.equal_time)}};
}

}  // namespace gamut::run
