// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/frontier_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace gamut::eval {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json number_or_null(const std::optional<double>& value) { return value ? number_or_null(*value) : Json(); }

Json estimate(const std::optional<Estimate>& found) {
  if (!found) return {};
  return {{"value", number_or_null(found->value)},
          {"low", number_or_null(found->low)},
          {"high", number_or_null(found->high)}};
}

Json level(const AtLevel& at) {
  return {{"level", number_or_null(at.level)},
          {"method_reached", at.method_reached},
          {"baseline_reached", at.baseline_reached},
          {"method", number_or_null(at.method)},
          {"baseline", number_or_null(at.baseline)},
          {"method_level", number_or_null(at.method_level)},
          {"baseline_level", number_or_null(at.baseline_level)},
          {"change", estimate(at.change)}};
}

Json matched(const Matched& found) {
  Json levels = Json::array();
  for (const AtLevel& at : found.levels) levels.push_back(level(at));
  Json range;
  if (found.range) range = Json::array({number_or_null(found.range->low), number_or_null(found.range->high)});
  return {{"range", range},
          {"reason", found.reason.empty() ? Json() : Json(found.reason)},
          {"method", number_or_null(found.method)},
          {"baseline", number_or_null(found.baseline)},
          {"change", estimate(found.change)},
          {"area", estimate(found.area)},
          {"levels", levels}};
}

Json checkpoint(const Checkpoint& at, bool on_frontier) {
  return {{"step", at.step},
          {"seconds", number_or_null(at.seconds)},
          {"select", {{"x", number_or_null(at.select_x)}, {"y", number_or_null(at.select_y)}}},
          {"report", {{"x", number_or_null(at.report_x)}, {"y", number_or_null(at.report_y)}}},
          {"on_frontier", on_frontier}};
}

}  // namespace

nlohmann::ordered_json to_json(const Method& method) {
  Json runs = Json::array();
  for (const Curve& run : method.runs) {
    const std::vector<size_t> frontier = pareto(run);
    Json checkpoints = Json::array();
    for (size_t i = 0; i < run.checkpoints.size(); ++i)
      checkpoints.push_back(
          checkpoint(run.checkpoints[i], std::find(frontier.begin(), frontier.end(), i) != frontier.end()));
    runs.push_back(Json{{"seed", run.seed}, {"checkpoints", checkpoints}});
  }
  return {{"name", method.name}, {"runs", runs}};
}

nlohmann::ordered_json to_json(const Comparison& comparison) {
  return {{"method", comparison.method},
          {"baseline", comparison.baseline},
          {"method_seeds", comparison.method_seeds},
          {"baseline_seeds", comparison.baseline_seeds},
          {"paired", comparison.paired},
          {"budget_seconds", number_or_null(comparison.budget)},
          {"diversity_at_equal_reward", matched(comparison.diversity)},
          {"reward_at_equal_diversity", matched(comparison.reward)}};
}

nlohmann::ordered_json to_json(const LevelTable& table) {
  Json methods = Json::array(), pairs = Json::array();
  for (const MethodAtLevel& at : table.methods)
    methods.push_back(Json{{"name", at.method},
                           {"seeds", at.seeds},
                           {"reached", at.reached},
                           {"x", number_or_null(at.x)},
                           {"y", number_or_null(at.y)}});
  for (const PairAtLevel& pair : table.pairs)
    pairs.push_back(Json{{"first", pair.first},
                         {"second", pair.second},
                         {"paired", pair.paired},
                         {"kind", pair.is_ratio ? "ratio" : "difference"},
                         {"change", estimate(pair.change)},
                         {"found", pair.found()}});
  return {{"level", number_or_null(table.level)}, {"methods", methods}, {"pairs", pairs}};
}

}  // namespace gamut::eval
