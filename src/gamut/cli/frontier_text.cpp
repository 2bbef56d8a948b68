// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/frontier_text.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cstdio>

namespace gamut::cli {
namespace {

using Cells = std::vector<std::string>;

std::string formatted(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string number(const std::optional<double>& value) { return value ? formatted("%.4g", *value) : "-"; }
// An interval from two seeds can end beyond all sense.
std::string percent(double share) { return share > 10 ? "over +1000 %" : formatted("%+.1f %%", 100 * share); }
std::string share(const std::optional<double>& value) { return value ? percent(*value) : "-"; }

std::string interval(const std::optional<eval::Estimate>& found) {
  if (!found || !found->low) return "-";
  return cat(percent(*found->low), " … ", percent(*found->high));
}

std::string seeds_text(const std::vector<int64_t>& seeds) {
  std::string text;
  for (const int64_t seed : seeds) text += cat(text.empty() ? "" : " ", seed);
  return text;
}

// Characters, not bytes: continuation bytes of UTF-8 take no place.
size_t width(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Columns two spaces apart; the first is left-aligned, the others right-aligned.
std::string table(const std::vector<Cells>& rows) {
  std::vector<size_t> widths;
  for (const Cells& row : rows)
    for (size_t c = 0; c < row.size(); ++c) {
      if (widths.size() <= c) widths.push_back(0);
      widths[c] = std::max(widths[c], width(row[c]));
    }
  std::string out;
  for (const Cells& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - width(row[c]), ' ');
      out += c == 0 ? row[c] + space : "  " + space + row[c];
    }
    out += "\n";
  }
  return out;
}

// The average over the range, then the named levels.
void add_rows(const std::string& name, const eval::Matched& found, bool values_are_shares,
              std::vector<Cells>& rows) {
  auto value = [&](const std::optional<double>& v) { return values_are_shares ? share(v) : number(v); };
  auto change = [](const std::optional<eval::Estimate>& e) {
    return e ? percent(e->value) : std::string("-");
  };
  const std::string range =
      found.range ? cat(number(found.range->low), " … ", number(found.range->high)) : "none";
  rows.push_back({name, range, value(found.baseline), value(found.method), change(found.change),
                  interval(found.change), found.area ? number(found.area->value) : "-"});
  for (const eval::AtLevel& at : found.levels)
    rows.push_back({"", cat("at ", number(at.level)), value(at.baseline), value(at.method), change(at.change),
                    interval(at.change), ""});
}

// A ratio in percent, a difference as it is.
Cells pair_cells(const eval::PairAtLevel& pair) {
  const auto shown = [&](double value) { return pair.is_ratio ? percent(value) : formatted("%+.4g", value); };
  const bool interval = pair.change && pair.change->low;
  return {cat(pair.first, " against ", pair.second, pair.paired || !pair.change ? "" : " (seeds differ)"),
          pair.found()  ? shown(pair.change->value)
          : pair.change ? "no finding"
                        : "-",
          interval ? cat(shown(*pair.change->low), " … ", shown(*pair.change->high)) : std::string("-")};
}

using Part = eval::Matched eval::Comparison::*;

std::string part_text(const std::vector<eval::Comparison>& comparisons, Part part, const std::string& held) {
  const bool shares = part == &eval::Comparison::reward;
  std::vector<Cells> rows{
      {"", cat("levels of ", held), comparisons.front().baseline, "method", "change", "interval", "area"}};
  std::string reasons;
  for (const eval::Comparison& comparison : comparisons) {
    const eval::Matched& found = comparison.*part;
    add_rows(comparison.method, found, shares, rows);
    if (!found.reason.empty()) reasons += cat("  ", comparison.method, ": ", found.reason, "\n");
  }
  return table(rows) + reasons;
}

}  // namespace

std::string comparison_text(const std::vector<eval::Comparison>& comparisons, const AxisNames& axes) {
  std::string out =
      cat(axes.y, " at equal ", axes.x, "\n", part_text(comparisons, &eval::Comparison::diversity, axes.x),
          "\n", axes.x, " gained over the base at equal ", axes.y, "\n",
          part_text(comparisons, &eval::Comparison::reward, axes.y));
  for (const eval::Comparison& comparison : comparisons)
    if (!comparison.paired)
      out += cat("  ", comparison.method, ": seeds ", seeds_text(comparison.method_seeds),
                 " and the baseline's ", seeds_text(comparison.baseline_seeds),
                 " differ, so its intervals are not paired\n");
  return out;
}

std::string pairs_text(const std::vector<eval::LevelTable>& tables, const AxisNames& axes) {
  std::string out;
  for (const eval::LevelTable& at : tables) {
    out += cat(out.empty() ? "" : "\n", axes.y,
               at.level ? cat(" at ", axes.x, " ", number(at.level)) : " at the last evaluation", "\n");
    std::vector<Cells> rows{{"", "seeds", axes.x, axes.y}};
    for (const eval::MethodAtLevel& method : at.methods)
      rows.push_back(
          {method.method, cat(method.reached, " of ", method.seeds), number(method.x), number(method.y)});
    out += table(rows);
    rows = {{"", "change", "interval"}};
    for (const eval::PairAtLevel& pair : at.pairs) rows.push_back(pair_cells(pair));
    out += table(rows);
  }
  return out;
}

std::string methods_text(const std::vector<eval::Method>& methods) {
  std::vector<Cells> rows{{"recipe", "seeds", "checkpoints", "on the frontier"}};
  for (const eval::Method& method : methods) {
    std::vector<int64_t> seeds;
    size_t checkpoints = 0, frontier = 0;
    for (const eval::Curve& run : method.runs) {
      seeds.push_back(run.seed);
      checkpoints += run.checkpoints.size();
      frontier += eval::pareto(run).size();
    }
    rows.push_back({method.name, seeds_text(seeds), cat(checkpoints), cat(frontier)});
  }
  return table(rows);
}

}  // namespace gamut::cli
