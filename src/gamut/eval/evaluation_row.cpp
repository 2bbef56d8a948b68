// SPDX-License-Identifier: Apache-2.0
// An evaluation as a row of evals.jsonl, and back.
#include "gamut/core/error.h"
#include "gamut/eval/evaluate.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace gamut::eval {
namespace {

// Visits every number of an evaluation with its key in evals.jsonl, in order.
template <class AnyEvaluation, class Visit>
void visit_numbers(AnyEvaluation& e, Visit visit) {
  visit("reward", e.reward);
  visit("judge", e.judge);
  visit("reward_exact", e.reward_exact);
  visit("judge_exact", e.judge_exact);
  visit("reward_failures", e.reward_failures);
  visit("judge_failures", e.judge_failures);
  visit("color_pairs", e.color_pairs);
  visit("color_spread", e.color_spread);
  visit("pairwise_distance", e.pairwise_distance);
  visit("vendi", e.vendi);
  visit("feature_distance", e.feature_distance);
  visit("feature_vendi", e.feature_vendi);
  visit("high_frequency", e.high_frequency);
  visit("contrast", e.contrast);
  visit("prompts", e.prompts);
  visit("members", e.members);
  visit("eval_steps", e.steps);
  visit("seed", e.seed);
  visit("seconds", e.seconds);
}

// Six decimals keep rows short; null where a prompt has no value.
nlohmann::ordered_json rounded(const std::vector<double>& values) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const double value : values)
    list.push_back(std::isfinite(value) ? nlohmann::ordered_json(std::round(value * 1e6) / 1e6) : nullptr);
  return list;
}

std::vector<double> numbers(const nlohmann::json& list) {
  std::vector<double> values;
  for (const nlohmann::json& value : list)
    values.push_back(value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
  return values;
}

std::string text_or(const nlohmann::json& row, const char* key, const std::string& fallback) {
  return row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : fallback;
}

}  // namespace

nlohmann::ordered_json Evaluation::to_json() const {
  nlohmann::ordered_json row;
  visit_numbers(*this, [&](const char* key, auto value) { row[key] = value; });
  row["colors_obeyed"] = colors_obeyed ? nlohmann::ordered_json(*colors_obeyed) : nlohmann::ordered_json();
  nlohmann::ordered_json measures = nlohmann::ordered_json::object();
  for (const auto& [key, values] : per_prompt) measures[key] = rounded(values);
  row["per_prompt"] = measures;
  return row;
}

Evaluation evaluation_from_json(const nlohmann::json& row) {
  Evaluation out;
  visit_numbers(out, [&](const char* key, auto& value) {
    if (!row.contains(key) || !row[key].is_number())
      throw DataError("eval", cat("an evaluation's row must hold the number '", key, "'"));
    row[key].get_to(value);
  });
  if (row.contains("colors_obeyed") && row["colors_obeyed"].is_number())
    out.colors_obeyed = row["colors_obeyed"].get<double>();
  if (row.contains("per_prompt") && row["per_prompt"].is_object())
    for (const auto& [key, list] : row["per_prompt"].items())
      if (list.is_array()) out.per_prompt[key] = numbers(list);
  return out;
}

EvalPass pass_of(const nlohmann::json& row) {
  const std::string weights = text_or(row, "weights", "ema");
  return {.role = text_or(row, "role", "select"),
          .weights = weights == "base" ? "ema" : weights,
          .set = text_or(row, "set", "prompts")};
}

}  // namespace gamut::eval
