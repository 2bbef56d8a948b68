// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/methods_table.h"

#include "gamut/core/error.h"
#include "gamut/eval/measures.h"

#include <algorithm>
#include <cstdio>
#include <optional>

namespace gamut::eval {
namespace {

using ColumnList = std::vector<MeasureColumn>;

using Runs = std::map<int64_t, std::vector<const MethodRow*>>;  // by seed
struct Group {
  std::string method;
  Runs runs;
};

std::vector<Group> groups_of(const std::vector<MethodRow>& rows) {
  std::vector<Group> groups;
  for (const MethodRow& row : rows) {
    auto group =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.method == row.method; });
    if (group == groups.end()) group = groups.insert(groups.end(), {row.method, {}});
    group->runs[row.seed].push_back(&row);
  }
  return groups;
}

std::string format(const char* form, double value) {
  char text[64];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

std::optional<double> measure(const MethodRow& row, const std::string& key) {
  const auto found = row.measures.find(key);
  if (found == row.measures.end()) return std::nullopt;
  return found->second;
}

std::optional<double> shown(const MethodRow& row, const std::string& key) {
  const auto found = row.reported.find(key);
  return found == row.reported.end() ? measure(row, key) : found->second;
}

// "0.931 (0.920–0.939)"
std::string spread(const std::vector<const MethodRow*>& rows, const std::string& key) {
  std::vector<double> values;
  for (const MethodRow* row : rows)
    if (const auto value = shown(*row, key)) values.push_back(*value);
  if (values.empty()) return "–";
  double sum = 0;
  for (const double value : values) sum += value;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return cat(format("%.3f", sum / double(values.size())), " (", format("%.3f", *low), "–",
             format("%.3f", *high), ")");
}

std::string head(const std::string& second, const ColumnList& columns, const char* last) {
  std::string titles = "| recipe | " + second + " |", rule = "|---|---|";
  for (const MeasureColumn& column : columns) {
    titles += cat(" ", column.title, " |");
    rule += "--:|";
  }
  return cat(titles, " ", last, " |\n", rule, "--:|\n");
}

bool earlier(const MethodRow* a, const MethodRow* b) { return a->step < b->step; }

std::string base_line(const MethodRow& base, const ColumnList& columns) {
  std::string line = "| base | |";
  for (const MeasureColumn& column : columns) {
    const auto value = shown(base, column.key);
    line += cat(" ", value ? format("%.3f", *value) : "–", " |");
  }
  return line + " |\n";
}

std::string final_line(const Group& group, const ColumnList& columns) {
  std::vector<const MethodRow*> last;
  std::string seeds;
  double seconds = 0;
  for (const auto& [seed, run] : group.runs) {
    last.push_back(*std::max_element(run.begin(), run.end(), earlier));
    seeds += cat(seeds.empty() ? "" : " ", seed);
    seconds += last.back()->seconds / double(group.runs.size());
  }
  std::string line = cat("| ", group.method, " | ", seeds, " |");
  for (const MeasureColumn& column : columns) line += cat(" ", spread(last, column.key), " |");
  return cat(line, " ", format("%.0f", seconds), " |\n");
}

}  // namespace

ColumnList columns_of(const std::vector<MethodRow>& rows) {
  ColumnList columns;
  const auto add = [&](const std::string& key, const std::string& title) {
    const bool any = std::any_of(rows.begin(), rows.end(),
                                 [&](const MethodRow& row) { return row.measures.contains(key); });
    if (any) columns.push_back({key, title});
  };
  for (const Measure& measure : measure_table()) add(measure.key, measure.label);
  for (const Measure& measure : measure_table())
    if (measure.scope == Scope::kHeldout) add("heldout." + measure.key, measure.label + ", held out");
  return columns;
}

std::string final_table(const std::vector<MethodRow>& rows) {
  const ColumnList columns = columns_of(rows);
  std::string text = head("seeds", columns, "training s");
  const std::vector<Group> groups = groups_of(rows);
  if (groups.empty()) return text;
  const auto& first = groups.front().runs.begin()->second;
  text += base_line(**std::min_element(first.begin(), first.end(), earlier), columns);
  for (const Group& group : groups) text += final_line(group, columns);
  return text;
}

}  // namespace gamut::eval
