// SPDX-License-Identifier: Apache-2.0
// An evaluation as a row of evals.jsonl, and back.
#include "gamut/core/error.h"
#include "gamut/eval/evaluate.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace gamut::eval {
namespace {

// The numbers beside the measures, with their keys.
template <class AnyEvaluation, class Visit>
void visit_counts(AnyEvaluation& e, Visit visit) {
  visit("reward_failures", e.reward_failures);
  visit("judge_failures", e.judge_failures);
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

// Where a row keeps a measure: its key, the former one in rows of earlier versions, or nullptr.
const nlohmann::json* stored_measure(const nlohmann::json& row, const Measure& measure) {
  for (const std::string& key : {measure.key, measure.former})
    if (!key.empty() && row.contains(key)) return &row[key];
  return nullptr;
}

[[noreturn]] void fail_row(const std::string& key) {
  throw DataError("eval", cat("an evaluation's row must hold the number '", key, "'"));
}

// Scores stand in every row; what else a row lacks, or holds null for, did not apply.
void read_measure(const nlohmann::json& row, const Measure& measure, Evaluation& out) {
  const nlohmann::json* stored = stored_measure(row, measure);
  const bool always = measure.key == "reward" || measure.key == "judge";
  if (is_unscored(row, measure.key))
    out.set(measure.key, std::numeric_limits<double>::quiet_NaN());
  else if (stored && stored->is_number())
    out.set(measure.key, stored->get<double>());
  else if (always || (stored && !stored->is_null()))
    fail_row(measure.key);
}

std::string text_or(const nlohmann::json& row, const char* key, const std::string& fallback) {
  return row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : fallback;
}

}  // namespace

bool Evaluation::has(const std::string& key) const {
  return std::any_of(values.begin(), values.end(), [&](const auto& entry) { return entry.first == key; });
}

double Evaluation::operator[](const std::string& key) const {
  for (const auto& [name, value] : values)
    if (name == key) return value;
  return std::numeric_limits<double>::quiet_NaN();
}

void Evaluation::set(const std::string& key, double value) {
  const auto found =
      std::find_if(values.begin(), values.end(), [&](const auto& entry) { return entry.first == key; });
  if (found == values.end())
    values.emplace_back(key, value);
  else
    found->second = value;
}

nlohmann::ordered_json Evaluation::to_json() const {
  nlohmann::ordered_json row;
  for (const auto& [key, value] : values) row[key] = value;
  visit_counts(*this, [&](const char* key, auto value) { row[key] = value; });
  row["reward_failure"] = text_or_null(reward_failure);
  row["judge_failure"] = text_or_null(judge_failure);
  nlohmann::ordered_json measures = nlohmann::ordered_json::object();
  for (const auto& [key, numbers] : per_prompt) measures[key] = rounded(numbers);
  row["per_prompt"] = measures;
  return row;
}

bool is_unscored(const nlohmann::json& row, const std::string& key) {
  if (!may_be_missing(key) || !row.contains(key)) return false;
  if (row[key].is_null()) return true;
  const int64_t failed = count_of(row, cat(key.substr(0, key.find('_')), "_failures"));
  return failed > 0 && failed == count_of(row, "prompts") * count_of(row, "members");
}

Evaluation evaluation_from_json(const nlohmann::json& row) {
  Evaluation out;
  for (const Measure& measure : measure_table()) read_measure(row, measure, out);
  visit_counts(out, [&](const char* key, auto& value) {
    if (!row.contains(key) || !row[key].is_number()) fail_row(key);
    row[key].get_to(value);
  });
  out.reward_failure = text_or(row, "reward_failure", "");
  out.judge_failure = text_or(row, "judge_failure", "");
  if (row.contains("per_prompt") && row["per_prompt"].is_object())
    for (const auto& [key, list] : row["per_prompt"].items())
      if (list.is_array()) out.per_prompt[present_key(key)] = numbers(list);
  return out;
}

std::vector<std::string> failures_of(const Evaluation& e) { return failures_of_at_least(1, e); }

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
