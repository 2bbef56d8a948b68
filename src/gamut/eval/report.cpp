// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/report.h"

#include "gamut/eval/report_warnings.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gamut::eval {
namespace {

double value_of(const ReportEvaluation& row, const std::string& key) {
  const auto found = row.values.find(key);
  return found == row.values.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

std::string default_baseline(const std::vector<Method>& methods) {
  for (const Method& method : methods)
    if (method.name == "flow_grpo") return method.name;
  return methods.empty() ? "" : methods.front().name;
}

// Only methods whose every run has been evaluated can be compared.
std::vector<Method> comparable(std::vector<Method> methods) {
  std::erase_if(methods, [](const Method& method) {
    return std::any_of(method.runs.begin(), method.runs.end(),
                       [](const Curve& run) { return run.checkpoints.empty(); });
  });
  return methods;
}

void add_comparisons(Report& report, const std::string& measure) {
  const std::vector<Method> methods = comparable(methods_of(report, "reward", measure));
  const auto baseline = std::find_if(methods.begin(), methods.end(),
                                     [&](const Method& method) { return method.name == report.baseline; });
  if (baseline == methods.end()) return;
  for (const Method& method : methods) {
    if (method.name == report.baseline) continue;
    report.comparisons.push_back(compare_methods(method, *baseline));
    report.measures.push_back(measure);
  }
}

}  // namespace

const std::vector<std::string> kVariety{"feature_distance",  "color_spread",  "color_pairs",
                                        "pairwise_distance", "feature_vendi", "vendi"};

std::vector<const ReportEvaluation*> rows_of(const ReportRun& run, const std::string& role) {
  std::vector<const ReportEvaluation*> rows;
  for (const ReportEvaluation& row : run.evaluations)
    if (row.role == role && row.weights != "raw" && row.set == "prompts") rows.push_back(&row);
  return rows;
}

Curve curve_of(const ReportRun& run, const std::string& x, const std::string& y) {
  Curve curve{.seed = run.seed};
  const std::vector<const ReportEvaluation*> reporting = rows_of(run, "report");
  for (const ReportEvaluation* row : rows_of(run, "select")) {
    const auto same = std::find_if(reporting.begin(), reporting.end(),
                                   [&](const ReportEvaluation* other) { return other->step == row->step; });
    const ReportEvaluation& reported = same == reporting.end() ? *row : **same;
    Checkpoint point{.step = row->step, .seconds = row->seconds};
    point.select_x = value_of(*row, x);
    point.select_y = value_of(*row, y);
    point.report_x = value_of(reported, x);
    point.report_y = value_of(reported, y);
    const double all = point.select_x + point.select_y + point.report_x + point.report_y;
    if (std::isfinite(all)) curve.checkpoints.push_back(point);
  }
  return curve;
}

std::vector<Method> methods_of(const Report& report, const std::string& x, const std::string& y) {
  std::vector<Method> methods;
  for (const ReportRun& run : report.runs) {
    auto method = std::find_if(methods.begin(), methods.end(),
                               [&](const Method& other) { return other.name == run.recipe; });
    if (method == methods.end()) method = methods.insert(methods.end(), Method{.name = run.recipe});
    method->runs.push_back(curve_of(run, x, y));
  }
  return methods;
}

void complete(Report& report) {
  if (report.baseline.empty()) report.baseline = default_baseline(methods_of(report, "reward", "reward"));
  if (report.reason.empty())
    for (const std::string& measure : kVariety) add_comparisons(report, measure);
  for (const ReportRun& run : report.runs)
    for (Warning& warning : warnings_of(run)) report.warnings.push_back(std::move(warning));
}

}  // namespace gamut::eval
