// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/frontier_runs.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"

#include <algorithm>
#include <limits>
#include <set>

namespace gamut::run {
namespace {

using Measures = std::map<std::string, double>;

bool starts_with_any(const std::string& text, const std::vector<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const auto& b) { return text.starts_with(b); });
}

// Whether a setting can change the measure.
bool concerns(const std::string& setting, const std::string& measure) {
  const bool heldout = measure.starts_with("heldout.");
  const std::string name = heldout ? measure.substr(8) : measure;
  if (setting.starts_with("judge")) return name.starts_with("judge");
  if (setting.starts_with("reward")) return name.starts_with("reward");
  if (setting.starts_with("eval.features")) return name.starts_with("feature_") || name == "recall";
  if (setting.starts_with("held-out")) return heldout;
  return !heldout || !setting.starts_with("evaluation");
}

// ConfigError naming all that differs: numbers of other prompts, seeds or sizes say nothing about the
// methods.
void check_comparable(const RunRows& one, const RunRows& two, const std::string& x, const std::string& y) {
  std::string differing;
  for (const auto& [key, value] : one.settings) {
    const auto other = two.settings.find(key);
    if (other == two.settings.end() || other->second == value || !(concerns(key, x) || concerns(key, y)))
      continue;
    differing += cat(differing.empty() ? "" : ", ", key, " (", value, " and ", other->second, ")");
  }
  if (!differing.empty())
    throw ConfigError("frontier", cat("'", one.origin, "' and '", two.origin,
                                      "' cannot be compared; they differ in ", differing));
}

// Seeds of one group share a recipe: what may differ is the seed, how long it trained and how often it was
// recorded.
void check_one_recipe(const RunRows& one, const RunRows& two) {
  if (one.seed == two.seed)
    throw ConfigError("frontier",
                      cat("'", one.origin, "' and '", two.origin, "' are both '", one.group, "' with seed ",
                          one.seed, "; leave one out, or name the folder after what sets it apart"));
  std::string differing;
  for (const auto& [key, value] : one.recipe) {
    const auto other = two.recipe.find(key);
    if (other == two.recipe.end() || other->second == value) continue;
    if (key == "seed" || key == "iterations" || key == "device" ||
        starts_with_any(key, {"checkpoint.", "eval."}))
      continue;
    differing += cat(differing.empty() ? "" : ", ", key, " (", value, " and ", other->second, ")");
  }
  if (!differing.empty())
    throw ConfigError(
        "frontier", cat("'", one.origin, "' and '", two.origin, "' would be seeds of one recipe '", one.group,
                        "' but differ in ", differing, "; name their folders apart"));
}

// ConfigError with the nearest name when no row of a run has the measure.
void check_measure(const RunRows& run, const std::string& name) {
  std::set<std::string> known;
  for (const auto& [step, measures] : run.select)
    for (const auto& [key, value] : measures) known.insert(key);
  if (known.contains(name)) return;
  const std::string near = nearest_name(name, {known.begin(), known.end()});
  throw ConfigError("frontier", cat("no evaluation of '", run.origin, "' has the measure '", printable(name),
                                    "'", near.empty() ? "" : "; did you mean '" + near + "'?"));
}

// Held-out prompts are evaluated once.
const double* find(const Measures& measures, const Measures& select, const std::string& name) {
  const Measures& from = name.starts_with("heldout.") ? select : measures;
  const auto found = from.find(name);
  return found == from.end() ? nullptr : &found->second;
}

eval::Curve curve_of(const RunRows& run, const std::string& x, const std::string& y, bool apart) {
  eval::Curve curve{.seed = run.seed};
  for (const auto& [step, select] : run.select) {
    const auto report = run.report.find(step);
    const Measures none, &reported = !apart ? select : report == run.report.end() ? none : report->second;
    const double *sx = find(select, select, x), *sy = find(select, select, y),
                 *rx = find(reported, select, x), *ry = find(reported, select, y);
    if (!sx || !sy || !rx || !ry) {
      log_warning(cat("'", run.origin, "', step ", step, " is left out: an evaluation is missing"));
      continue;
    }
    const auto seconds = run.seconds.find(step);
    curve.checkpoints.push_back(
        {.step = step,
         .seconds = seconds == run.seconds.end() ? std::numeric_limits<double>::quiet_NaN() : seconds->second,
         .select_x = *sx,
         .select_y = *sy,
         .report_x = *rx,
         .report_y = *ry});
  }
  if (curve.checkpoints.empty())
    throw DataError("frontier", cat("'", run.origin, "' has no step with both '", x, "' and '", y, "'"));
  return curve;
}

bool has_reports(const std::vector<RunRows>& runs, std::vector<std::string>& notes) {
  for (const RunRows& run : runs)
    if (run.report.empty()) {
      notes.push_back(
          cat("checkpoints are chosen and reported on the same evaluation, so the best of noise gains a "
              "little: '",
              run.origin, "' has no rows of role \"report\" (eval.report_seed)"));
      return false;
    }
  return true;
}

}  // namespace

ComparedRuns compared_runs(const std::vector<RunRows>& runs, const std::string& x, const std::string& y) {
  ComparedRuns out;
  std::map<std::string, std::vector<const RunRows*>> groups;
  for (const RunRows& run : runs) {
    check_comparable(runs.front(), run, x, y);
    for (const std::string& measure : {x, y}) check_measure(run, measure);
    for (const RunRows* other : groups[run.group]) check_one_recipe(*other, run);
    groups[run.group].push_back(&run);
  }
  out.reported_apart = has_reports(runs, out.notes);
  for (const std::string& measure : {x, y})
    if (measure.starts_with("heldout."))
      out.notes.push_back(
          cat("'", measure, "' is evaluated once, so it is chosen and reported on the same pictures"));
  for (const RunRows& run : runs) {
    auto same = [&](const eval::Method& method) { return method.name == run.group; };
    auto method = std::find_if(out.methods.begin(), out.methods.end(), same);
    if (method == out.methods.end()) method = out.methods.insert(out.methods.end(), {.name = run.group});
    method->runs.push_back(curve_of(run, x, y, out.reported_apart));
  }
  return out;
}

}  // namespace gamut::run
