// SPDX-License-Identifier: Apache-2.0
// An evaluation as a row of evals.jsonl, and back.
#include "gamut/core/error.h"
#include "gamut/eval/evaluate.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

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

// Null in a row where no picture was scored.
bool may_be_missing(const std::string& key) {
  return key == "reward" || key == "judge" || key == "reward_exact" || key == "judge_exact";
}

int64_t count_of(const nlohmann::json& row, const std::string& key) {
  return row.contains(key) && row[key].is_number_integer() ? row[key].get<int64_t>() : 0;
}

std::vector<std::string> failures_of_at_least(int64_t least, const Evaluation& e) {
  std::vector<std::string> sentences;
  auto add = [&](const char* who, int64_t count, const std::string& reason) {
    if (count >= least)
      sentences.push_back(cat("the ", who, " could not score ", count, " of ", e.pictures(), " pictures",
                              reason.empty() ? "" : "; first reason: ", reason));
  };
  add("reward", e.reward_failures, e.reward_failure);
  add("judge", e.judge_failures, e.judge_failure);
  return sentences;
}

nlohmann::ordered_json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
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
  row["reward_failure"] = text_or_null(reward_failure);
  row["judge_failure"] = text_or_null(judge_failure);
  row["colors_obeyed"] = colors_obeyed ? nlohmann::ordered_json(*colors_obeyed) : nlohmann::ordered_json();
  nlohmann::ordered_json measures = nlohmann::ordered_json::object();
  for (const auto& [key, values] : per_prompt) measures[key] = rounded(values);
  row["per_prompt"] = measures;
  return row;
}

bool is_unscored(const nlohmann::json& row, const std::string& key) {
  if (!may_be_missing(key)) return false;
  if (row.contains(key) && row[key].is_null()) return true;
  const int64_t failed = count_of(row, cat(key.substr(0, key.find('_')), "_failures"));
  return failed > 0 && failed == count_of(row, "prompts") * count_of(row, "members");
}

Evaluation evaluation_from_json(const nlohmann::json& row) {
  Evaluation out;
  visit_numbers(out, [&](const char* key, auto& value) {
    const bool is_missing = is_unscored(row, key);
    if (!is_missing && (!row.contains(key) || !row[key].is_number()))
      throw DataError("eval", cat("an evaluation's row must hold the number '", key, "'"));
    if (!is_missing) row[key].get_to(value);
    if constexpr (std::is_same_v<decltype(value), double&>)
      if (is_missing) value = std::numeric_limits<double>::quiet_NaN();
  });
  out.reward_failure = text_or(row, "reward_failure", "");
  out.judge_failure = text_or(row, "judge_failure", "");
  if (row.contains("colors_obeyed") && row["colors_obeyed"].is_number())
    out.colors_obeyed = row["colors_obeyed"].get<double>();
  if (row.contains("per_prompt") && row["per_prompt"].is_object())
    for (const auto& [key, list] : row["per_prompt"].items())
      if (list.is_array()) out.per_prompt[key] = numbers(list);
  return out;
}

std::vector<std::string> failures_of(const Evaluation& e) {
  return failures_of_at_least(1, e);
}

std::string total_failure(const Evaluation& e) {
  const std::vector<std::string> total = failures_of_at_least(std::max<int64_t>(1, e.pictures()), e);
  return total.empty() ? "" : total.front();
}

EvalPass pass_of(const nlohmann::json& row) {
  const std::string weights = text_or(row, "weights", "ema");
  return {.role = text_or(row, "role", "select"),
          .weights = weights == "base" ? "ema" : weights,
          .set = text_or(row, "set", "prompts")};
}

}  // namespace gamut::eval
