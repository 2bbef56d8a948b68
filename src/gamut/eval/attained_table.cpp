// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/attained_table.h"

#include "gamut/core/error.h"
#include "gamut/eval/family_ranks.h"
#include "gamut/eval/level_pairs.h"
#include "gamut/eval/measures.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <string_view>

namespace gamut::eval {
namespace {

std::string formatted(const char* form, double value) {
  char text[64];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

const double* value_of(const std::map<std::string, double>& measures, const std::string& key) {
  const auto found = measures.find(key);
  return found == measures.end() ? nullptr : &found->second;
}

std::string level_text(const std::optional<double>& level) {
  return level ? cat("At reward ", *level, ", along lines between checkpoints") : "At the last evaluation";
}

std::string cell(const Method& method, double level) {
  double sum = 0, low = kNoBudget, high = -kNoBudget;
  for (const Curve& run : method.runs) {
    const std::optional<Checkpoint> point = attained(run, level);
    if (!point) return "–";
    sum += point->report_y;
    low = std::min(low, point->report_y);
    high = std::max(high, point->report_y);
  }
  return cat(formatted("%.3f", sum / double(method.runs.size())), " (", formatted("%.3f", low), "–",
             formatted("%.3f", high), ")");
}

bool more_is_better(const std::string& key) {
  constexpr std::string_view kHeldout = "heldout.";
  const Measure* measure = find_measure(key.starts_with(kHeldout) ? key.substr(kHeldout.size()) : key);
  return measure != nullptr && measure->direction == Direction::kUp;
}

std::string reached(const Method& method, double level) {
  const auto count = std::count_if(method.runs.begin(), method.runs.end(),
                                   [&](const Curve& run) { return attained(run, level).has_value(); });
  return cat(count, " of ", method.runs.size());
}

std::string change_text(const PairAtLevel& pair) {
  const double scale = pair.is_ratio ? 100 : 1;
  const char* form = pair.is_ratio ? "%+.0f" : "%+.3f";
  const auto shown = [&](double value) { return formatted(form, scale * value); };
  return cat(shown(pair.change->value), pair.is_ratio ? " %" : "", " (", shown(*pair.change->low), " … ",
             shown(*pair.change->high), ")");
}

std::string findings(const std::string& label, const std::vector<PairAtLevel>& pairs) {
  std::string text;
  size_t none = 0;
  for (const PairAtLevel& pair : pairs) {
    none += !pair.found();
    if (pair.found())
      text += cat(text.empty() ? "" : "; ", pair.first, " against ", pair.second, " ", change_text(pair));
  }
  return cat("- ", label, ": ", text.empty() ? "" : text + "; ", "no finding in ", none, " of ", pairs.size(),
             " pairs\n");
}

bool same_seeds(const std::vector<Method>& methods) {
  const auto seeds_of = [](const Method& method) {
    std::vector<int64_t> seeds;
    for (const Curve& run : method.runs) seeds.push_back(run.seed);
    return seeds;
  };
  return std::all_of(methods.begin(), methods.end(),
                     [&](const Method& method) { return seeds_of(method) == seeds_of(methods.front()); });
}

double point_of(const Curve& run, const std::optional<double>& level) {
  if (!level) return run.checkpoints.back().report_y;
  const std::optional<Checkpoint> point = attained(run, *level);
  return point ? point->report_y : std::numeric_limits<double>::quiet_NaN();
}

// The measures of families under a prefix, where all methods have them for the same seeds.
std::vector<RankedMeasure> ranked_measures(const std::vector<MethodRow>& rows,
                                           const std::optional<double>& level, const std::string& prefix,
                                           size_t methods) {
  std::vector<RankedMeasure> ranked;
  for (const Measure& measure : measure_table()) {
    if (measure.family.empty()) continue;
    const std::vector<Method> curves = curves_of(rows, prefix + measure.key);
    if (curves.size() != methods || !same_seeds(curves)) continue;
    RankedMeasure& one = ranked.emplace_back(
        RankedMeasure{.key = prefix + measure.key, .family = measure.family, .values = {}});
    for (const Method& method : curves) {
      one.values.emplace_back();
      for (const Curve& run : method.runs) one.values.back().push_back(point_of(run, level));
    }
  }
  return ranked;
}

std::string ranks_text(const std::vector<Method>& methods, const std::vector<RankedMeasure>& ranked,
                       const std::string& title) {
  std::vector<std::string> names;
  std::vector<int64_t> seeds;
  for (const Method& method : methods) names.push_back(method.name);
  for (const Curve& run : methods.front().runs) seeds.push_back(run.seed);
  const FamilyRanks ranks = family_ranks(names, seeds, ranked);
  std::string head = "| recipe | headline |", rule = "|---|--:|", text;
  for (const std::string& family : ranks.families) {
    head += cat(" ", family, " |");
    rule += "--:|";
  }
  for (size_t m = 0; m < names.size(); ++m) {
    text += cat("| ", names[m], " | ", formatted("%.2f", ranks.headline[m]), " |");
    for (const double rank : ranks.ranks[m]) text += cat(" ", formatted("%.2f", rank), " |");
    text += "\n";
  }
  return cat(title, ", ranks by families of measures, 1 is best, mean over ", seeds.size(), " seeds:\n\n",
             head, "\n", rule, "\n", text, "\n", findings("headline", ranks.pairs));
}

}  // namespace

std::vector<Method> curves_of(const std::vector<MethodRow>& rows, const std::string& key) {
  std::vector<Method> methods;
  for (const MethodRow& row : rows) {
    const double *x = value_of(row.measures, "reward"), *y = value_of(row.measures, key);
    if (!x || !y) continue;
    const double *told_x = value_of(row.reported, "reward"), *told_y = value_of(row.reported, key);
    auto method =
        std::find_if(methods.begin(), methods.end(), [&](const Method& m) { return m.name == row.method; });
    if (method == methods.end()) method = methods.insert(methods.end(), {.name = row.method});
    auto run = std::find_if(method->runs.begin(), method->runs.end(),
                            [&](const Curve& c) { return c.seed == row.seed; });
    if (run == method->runs.end()) run = method->runs.insert(method->runs.end(), {.seed = row.seed});
    run->checkpoints.push_back({.step = row.step,
                                .seconds = row.seconds,
                                .select_x = *x,
                                .select_y = *y,
                                .report_x = told_x ? *told_x : *x,
                                .report_y = told_y ? *told_y : *y});
  }
  for (Method& method : methods) {
    std::sort(method.runs.begin(), method.runs.end(),
              [](const Curve& a, const Curve& b) { return a.seed < b.seed; });
    for (Curve& run : method.runs)
      std::sort(run.checkpoints.begin(), run.checkpoints.end(),
                [](const Checkpoint& a, const Checkpoint& b) { return a.step < b.step; });
  }
  return methods;
}

std::string attained_table(const std::vector<MethodRow>& rows, double level) {
  std::string titles = "| recipe | seeds that reach it |", rule = "|---|---|", differences;
  std::vector<std::string> lines;
  const std::vector<Method> all = curves_of(rows, "reward");
  for (const Method& method : all)
    lines.push_back(cat("| ", method.name, " | ", reached(method, level), " |"));
  for (const MeasureColumn& column : columns_of(rows)) {
    if (column.key == "reward" || !more_is_better(column.key)) continue;  // the reward is held equal
    titles += cat(" ", column.title, " |");
    rule += "--:|";
    const std::vector<Method> methods = curves_of(rows, column.key);
    for (size_t m = 0; m < lines.size(); ++m) {
      const auto method = std::find_if(methods.begin(), methods.end(),
                                       [&](const Method& each) { return each.name == all[m].name; });
      lines[m] += cat(" ", method == methods.end() ? "–" : cell(*method, level), " |");
    }
    if (methods.size() < 2) continue;
    differences += findings(column.title, level_tables(methods, {.levels = {level}}).front().pairs);
  }
  std::string text =
      cat(level_text(level), ": the most of each measure that a run attains.\n\n", titles, "\n", rule, "\n");
  for (const std::string& line : lines) text += line + "\n";
  if (!differences.empty())
    text += cat("\nIntervals without 0 (95 % for all pairs of a measure together):\n\n", differences);
  return text;
}

std::string ranks_table(const std::vector<MethodRow>& rows, const std::optional<double>& level) {
  const std::vector<Method> methods = curves_of(rows, "reward");
  if (methods.size() < 2 || !same_seeds(methods)) return "";
  std::string text;
  for (const std::string prefix : {"", "heldout."}) {
    const std::vector<RankedMeasure> ranked = ranked_measures(rows, level, prefix, methods.size());
    if (ranked.empty()) continue;
    text +=
        cat(text.empty() ? "" : "\n",
            ranks_text(methods, ranked, level_text(level) + (prefix.empty() ? "" : ", on held-out prompts")));
  }
  return text;
}

}  // namespace gamut::eval
