// SPDX-License-Identifier: Apache-2.0
// The report as the JSON that src/gamut/eval/report/app.js reads.
#include "gamut/eval/measures.h"
#include "gamut/eval/report.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace gamut::eval {
namespace {

using Json = nlohmann::ordered_json;

// Five digits are more than a screen shows and a third of the bytes.
Json json_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  const double rounded = std::strtod(text, nullptr);
  if (rounded == std::floor(rounded) && std::abs(rounded) < 1e15) return int64_t(rounded);
  return rounded;
}

Json list(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(json_number(value));
  return out;
}

// A constant series is one number.
Json series(const std::vector<double>& values) {
  const bool is_constant = !values.empty() && std::all_of(values.begin(), values.end(), [&](double value) {
    return value == values.front();
  });
  return is_constant ? json_number(values.front()) : list(values);
}

Json object(const std::map<std::string, double>& values) {
  Json out = Json::object();
  for (const auto& [key, value] : values) out[key] = json_number(value);
  return out;
}

Json curves_json(const ReportCurves& curves) {
  Json values = Json::object();
  for (const auto& [key, numbers] : curves.values) values[key] = series(numbers);
  return {{"steps", curves.steps}, {"seconds", list(curves.seconds)}, {"values", values}};
}

Json group_json(const ReportGroup& group) {
  return {{"step", group.step},
          {"prompt", group.prompt},
          {"picture", group.picture},
          {"columns", group.columns},
          {"width", group.width},
          {"height", group.height},
          {"reward", list(group.reward)},
          {"bonus", list(group.bonus)},
          {"diversity", list(group.diversity)},
          {"shaped", list(group.shaped)},
          {"advantage", list(group.advantage)},
          {"cluster", group.cluster},
          {"kept", group.kept}};
}

template <class Item, class Make>
Json each(const std::vector<Item>& items, Make make) {
  Json out = Json::array();
  for (const Item& item : items) out.push_back(make(item));
  return out;
}

Json evaluation_json(const ReportEvaluation& row) {
  return {{"step", row.step}, {"seconds", json_number(row.seconds)},
          {"role", row.role}, {"weights", row.weights},
          {"set", row.set},   {"values", object(row.values)}};
}

Json run_json(const ReportRun& run) {
  Json out{{"name", run.name},
           {"recipe", run.recipe},
           {"seed", run.seed},
           {"iterations", run.iterations},
           {"steps_done", run.steps_done},
           {"finished", run.finished},
           {"command", run.command},
           {"build", run.build}};
  out["curves"] = curves_json(run.curves);
  out["evaluations"] = each(run.evaluations, evaluation_json);
  out["sheets"] = each(run.sheets, [](const ReportSheet& sheet) -> Json {
    return {{"step", sheet.step},
            {"picture", sheet.picture},
            {"columns", sheet.columns},
            {"width", sheet.width},
            {"height", sheet.height}};
  });
  out["palettes"] = each(run.palettes, [](const ReportPalette& palette) -> Json {
    return {{"step", palette.step}, {"colors", palette.colors}};
  });
  out["groups"] = each(run.groups, group_json);
  out["settings"] = each(run.settings, [](const ReportSetting& setting) -> Json {
    return Json::array({setting.key, setting.value, setting.origin});
  });
  return out;
}

Json measure_json(const Measure& measure) {
  return {{"key", measure.key},
          {"title", measure.title},
          {"about", measure.about},
          {"unit", measure.unit},
          {"direction", direction_name(measure.direction)},
          {"scope", scope_name(measure.scope)}};
}

Json maybe(const std::optional<double>& value) { return value ? json_number(*value) : Json(); }

Json estimate_json(const std::optional<Estimate>& estimate) {
  if (!estimate) return nullptr;
  return {{"value", json_number(estimate->value)},
          {"low", maybe(estimate->low)},
          {"high", maybe(estimate->high)}};
}

Json matched_json(const Matched& matched) {
  Json range = nullptr;
  if (matched.range) range = {json_number(matched.range->low), json_number(matched.range->high)};
  return {{"range", range},
          {"reason", matched.reason},
          {"method", maybe(matched.method)},
          {"baseline", maybe(matched.baseline)},
          {"change", estimate_json(matched.change)}};
}

Json comparisons_json(const Report& report) {
  Json out = Json::array();
  for (size_t i = 0; i < report.comparisons.size(); ++i) {
    const Comparison& found = report.comparisons[i];
    out.push_back({{"measure", report.measures[i]},
                   {"method", found.method},
                   {"baseline", found.baseline},
                   {"paired", found.paired},
                   {"seeds", found.method_seeds.size()},
                   {"diversity", matched_json(found.diversity)},
                   {"reward", matched_json(found.reward)}});
  }
  return out;
}

}  // namespace

Json report_json(const Report& report) {
  return {{"baseline", report.baseline},
          {"reason", report.reason},
          {"live", report.live},
          {"refresh_seconds", report.refresh_seconds},
          {"runs", each(report.runs, run_json)},
          {"sheet_prompts", report.sheet_prompts},
          {"data_palette", report.data_palette},
          {"measure_table", each(measure_table(), measure_json)},
          {"comparisons", comparisons_json(report)},
          {"warnings", each(report.warnings, [](const Warning& warning) -> Json {
             return {{"rule", warning.rule}, {"run", warning.run}, {"text", warning.text}};
           })}};
}

}  // namespace gamut::eval
