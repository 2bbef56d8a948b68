// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/table.h"

#include "gamut/core/error.h"

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

template <class Value>
std::string cell(const char* format, Value value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

std::string comparison_table(const std::vector<std::pair<std::string, Evaluation>>& columns) {
  std::string out = cell("%-26s", "");
  for (const auto& column : columns) out += cell("%12s", column.first.c_str());
  out += columns.size() == 2 ? "      change\n" : "\n";
  for (const Row& row : kRows) {
    out += cell("%-26s", row.label);
    for (const auto& column : columns) out += cell("%12.3f", column.second.*row.value);
    if (columns.size() == 2)
      out += cell("%+12.3f", columns.back().second.*row.value - columns.front().second.*row.value);
    out += "\n";
  }
  const Evaluation& last = columns.back().second;
  return out + cat("(", last.prompts, " prompts x ", last.members, " pictures, seed ", last.seed, ")\n");
}

}  // namespace gamut::eval
