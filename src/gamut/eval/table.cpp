// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/table.h"

#include "gamut/core/error.h"

#include <algorithm>
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

}  // namespace

std::string comparison_table(const std::vector<std::pair<std::string, Evaluation>>& columns) {
  std::string out = cell("%-26s", "");
  for (const auto& column : columns) out += aligned(column.first, column.first);
  out += columns.size() == 2 ? "      change\n" : "\n";
  for (const Row& row : kRows) {
    out += cell("%-26s", row.label);
    for (const auto& column : columns) out += aligned(cell("%.3f", column.second.*row.value), column.first);
    if (columns.size() == 2)
      out += cell("%+12.3f", columns.back().second.*row.value - columns.front().second.*row.value);
    out += "\n";
  }
  const Evaluation& last = columns.back().second;
  return out + cat("(", last.prompts, " prompts x ", last.members, " pictures, seed ", last.seed, ")\n");
}

}  // namespace gamut::eval
