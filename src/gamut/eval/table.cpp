// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/table.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace gamut::eval {
namespace {

struct Row {
  const char* label;
  double Evaluation::*value;
};

constexpr Row kRows[] = {
    {"reward (mean)", &Evaluation::reward},
    {"reward: read exactly", &Evaluation::reward_exact},
    {"judge (mean)", &Evaluation::judge},
    {"judge: read exactly", &Evaluation::judge_exact},
    {"color pairs (effective)", &Evaluation::color_pairs},
    {"color spread", &Evaluation::color_spread},
    {"pairwise distance", &Evaluation::pairwise_distance},
    {"Vendi score", &Evaluation::vendi},
    {"feature distance", &Evaluation::feature_distance},
    {"feature Vendi", &Evaluation::feature_vendi},
    {"high-frequency energy", &Evaluation::high_frequency},
};

// Right-aligned with two spaces before it, at least as wide as a number needs.
std::string aligned(const std::string& text, const std::string& column) {
  const size_t width = std::max<size_t>(12, column.size() + 2);
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

template <class Value>
std::string cell(const char* format, Value value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// A dash where there is no number: a picture that could not be scored is no 0.
std::string number_cell(const char* format, double value) { return std::isfinite(value) ? cell(format, value) : "-"; }

using Columns = std::vector<std::pair<std::string, Evaluation>>;

std::string table(const Columns& columns, bool change) {
  std::string out = cell("%-26s", "");
  for (const auto& column : columns) out += aligned(column.first, column.first);
  out += change ? "      change\n" : "\n";
  for (const Row& row : kRows) {
    out += cell("%-26s", row.label);
    for (const auto& column : columns) out += aligned(number_cell("%.3f", column.second.*row.value), column.first);
    if (change)
      out += aligned(number_cell("%+.3f", columns.back().second.*row.value - columns.front().second.*row.value), "");
    out += "\n";
  }
  return out;
}

// Only where a prompt of some column asked for colors.
std::string obeyed_row(const Columns& columns) {
  std::string out = cell("%-26s", "colors obeyed");
  bool any = false;
  for (const auto& [title, numbers] : columns) {
    any = any || numbers.colors_obeyed;
    out += aligned(numbers.colors_obeyed ? cell("%.3f", *numbers.colors_obeyed) : "-", title);
  }
  return any ? out + "\n" : "";
}

std::string failure_lines(const Columns& columns) {
  std::string out;
  for (const auto& [title, numbers] : columns)
    for (const std::string& sentence : failures_of(numbers)) out += cat("(", title, ": ", sentence, ")\n");
  return out;
}

}  // namespace

std::string comparison_table(const Columns& columns) {
  const Evaluation& last = columns.back().second;
  return table(columns, columns.size() == 2) +
         cat("(", last.prompts, " prompts x ", last.members, " pictures, seed ", last.seed, ")\n") + failure_lines(columns);
}

std::string measures_table(const Columns& columns) {
  if (columns.size() == 1 && !columns.front().second.colors_obeyed) return comparison_table(columns);
  std::string out = table(columns, false) + obeyed_row(columns);
  for (const auto& [title, numbers] : columns)
    out +=
        cat("(", title, ": ", numbers.prompts, " prompts x ", numbers.members, " pictures, seed ", numbers.seed, ")\n");
  return out + failure_lines(columns);
}

}  // namespace gamut::eval
