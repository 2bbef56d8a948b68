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

using Columns = std::vector<TableColumn>;

// What stands beside comes last, after the change.
std::string table_line(const Columns& columns, const std::string& change, auto text_of) {
  std::string main, beside;
  for (const TableColumn& column : columns) (column.beside ? beside : main) += aligned(text_of(column), column.title);
  return main + change + beside + "\n";
}

std::string table(const Columns& columns, bool change) {
  std::string out = cell("%-26s", "");
  out += table_line(columns, change ? "      change" : "", [](const TableColumn& column) { return column.title; });
  for (const Row& row : kRows) {
    const double difference = columns.size() < 2 ? 0 : columns[1].numbers.*row.value - columns[0].numbers.*row.value;
    out += cell("%-26s", row.label);
    out += table_line(columns, change ? cell("%+12.3f", difference) : "",
                [&](const TableColumn& column) { return cell("%.3f", column.numbers.*row.value); });
  }
  return out;
}

std::string measured_lines(const Columns& columns) {
  std::string out;
  for (const TableColumn& column : columns)
    if (!column.measured.empty()) out += cat("(", column.title, ": ", column.measured, ")\n");
  return out;
}

// Only where a prompt of some column asked for colors.
std::string obeyed_row(const Columns& columns) {
  std::string out = cell("%-26s", "colors obeyed");
  bool any = false;
  for (const TableColumn& column : columns) any = any || column.numbers.colors_obeyed;
  out += table_line(columns, "", [](const TableColumn& column) {
    return column.numbers.colors_obeyed ? cell("%.3f", *column.numbers.colors_obeyed) : "-";
  });
  return any ? out : "";
}

}  // namespace

std::string comparison_table(const Columns& columns) {
  const auto beside = std::count_if(columns.begin(), columns.end(), [](const TableColumn& column) { return column.beside; });
  const Evaluation& last = columns.back().numbers;
  return table(columns, columns.size() - size_t(beside) == 2) +
         cat("(", last.prompts, " prompts x ", last.members, " pictures, seed ", last.seed, ")\n") +
         measured_lines(columns);
}

std::string measures_table(const Columns& columns) {
  if (columns.size() == 1 && !columns.front().numbers.colors_obeyed) return comparison_table(columns);
  std::string out = table(columns, false) + obeyed_row(columns);
  for (const TableColumn& column : columns)
    out += cat("(", column.title, ": ", column.numbers.prompts, " prompts x ", column.numbers.members,
               " pictures, seed ", column.numbers.seed, ")\n");
  return out + measured_lines(columns);
}

Evaluation mean_evaluation(const std::vector<Evaluation>& all) {
  Evaluation mean = all.front();
  for (const Row& row : kRows) {
    double sum = 0;
    for (const Evaluation& one : all) sum += one.*row.value;
    mean.*row.value = sum / double(all.size());
  }
  return mean;
}

}  // namespace gamut::eval
