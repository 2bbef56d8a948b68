// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/event_log.h"

#include <nlohmann/json.hpp>

#include <array>

namespace gamut::train {
namespace {

using nlohmann::ordered_json;

io::EventSummary summary_of(const ordered_json& row, const std::string& prefix) {
  io::EventSummary summary;
  for (const auto& [key, value] : row.items()) {
    if (key == "step") continue;
    if (value.is_number()) summary.scalars.emplace_back(prefix + key, value.get<double>());
    if (value.is_boolean()) summary.scalars.emplace_back(prefix + key, value.get<bool>() ? 1.0 : 0.0);
  }
  return summary;
}

// "eval/", and the fields that set an evaluation apart from the main one.
std::string prefix_of(const ordered_json& row) {
  constexpr std::array<std::array<const char*, 3>, 3> kMain{
      {{"role", "select", "select"}, {"weights", "ema", "base"}, {"set", "prompts", "prompts"}}};
  std::string prefix = "eval/";
  for (const auto& [key, usual, other] : kMain)
    if (row.contains(key) && row[key].is_string() && row[key] != usual && row[key] != other)
      prefix += row[key].get<std::string>() + "/";
  return prefix;
}

}  // namespace

void EventLog::add_metrics(const ordered_json& row) {
  file_.append(row.at("step"), summary_of(row, "train/"));
}

void EventLog::add_evaluation(const ordered_json& row, const std::filesystem::path& sheet) {
  const std::string prefix = prefix_of(row);
  io::EventSummary summary = summary_of(row, prefix);
  if (!sheet.empty())
    summary.pictures.emplace_back(prefix.substr(prefix.find('/') + 1) + "samples", io::read_text(sheet));
  file_.append(row.at("step"), summary);
}

}  // namespace gamut::train
