// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/rule_check.h"

#include "gamut/core/error.h"
#include "gamut/core/toml_value.h"

#include <charconv>
#include <cmath>

namespace gamut {
namespace {

// A bound of a rule: 1000, 0.5, 1e-4.
std::string number_text(double value) {
  const std::string text = format_toml(value);
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += cat(i == 0 ? "" : separator, parts[i]);
  return text;
}

bool is_number_within(const Rule& rule, const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(number) &&
         keeps(rule, number);
}

}  // namespace

std::string Rule::text() const {
  if (input) return "a path";
  if (!choices.empty()) {
    const std::string words = joined(choices, " | ");
    return takes_number(*this) ? cat(words, " | ", Rule{.min = min, .max = max, .min_open = min_open}.text())
                               : words;
  }
  const bool low = std::isfinite(min), high = std::isfinite(max);
  if (low && high && !min_open && !max_open) return cat(number_text(min), "..", number_text(max));
  const std::string lower = low ? cat(min_open ? "> " : ">= ", number_text(min)) : "";
  const std::string upper = high ? cat(max_open ? "< " : "<= ", number_text(max)) : "";
  return cat(lower, low && high ? " and " : "", upper);
}

Rule any_value() { return {}; }
Rule input_path() { return {.input = true}; }
Rule between(double min, double max) { return {.min = min, .max = max}; }
Rule from_to_below(double min, double max) { return {.min = min, .max = max, .max_open = true}; }
Rule at_least(double min) { return {.min = min}; }
Rule above(double min) { return {.min = min, .min_open = true}; }
Rule one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }

bool takes_number(const Rule& rule) { return !rule.choices.empty() && std::isfinite(rule.min); }

// Written so that NaN keeps none.
bool keeps(const Rule& rule, double value) {
  return (rule.min_open ? value > rule.min : value >= rule.min) &&
         (rule.max_open ? value < rule.max : value <= rule.max);
}
bool keeps(const Rule&, bool) { return true; }
bool keeps(const Rule& rule, int64_t value) { return keeps(rule, double(value)); }
bool keeps(const Rule& rule, const std::string& value) {
  return rule.choices.empty() ||
         std::find(rule.choices.begin(), rule.choices.end(), value) != rule.choices.end() ||
         (takes_number(rule) && is_number_within(rule, value));
}

std::string outsider(const Rule& rule, const std::string& value) { return keeps(rule, value) ? "" : value; }
std::string outsider(const Rule& rule, const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    if (!keeps(rule, value)) return value;
  }
  return "";
}

std::string demand(const Rule& rule) {
  const bool bounded = std::isfinite(rule.min) && std::isfinite(rule.max) && !rule.min_open && !rule.max_open;
  return cat("must be ", !rule.choices.empty() ? "one of " : bounded ? "in " : "", rule.text());
}

}  // namespace gamut
