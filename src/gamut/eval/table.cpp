// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/table.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace gamut::eval {
namespace {

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
std::string number_cell(const char* format, double value) {
  return std::isfinite(value) ? cell(format, value) : "-";
}

using Columns = std::vector<TableColumn>;

// What stands beside comes last, after the change.
std::string table_line(const Columns& columns, const std::string& change, auto text_of) {
  std::string main, beside;
  for (const TableColumn& column : columns)
    (column.beside ? beside : main) += aligned(text_of(column), column.title);
  return main + change + beside + "\n";
}

bool any_has(const Columns& columns, const Measure& measure) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const TableColumn& column) { return column.numbers.has(measure.key); });
}

// The measures that some column has.
std::string table(const Columns& columns, bool change) {
  std::string out = cell("%-26s", "");
  out += table_line(columns, change ? "      change" : "",
                    [](const TableColumn& column) { return column.title; });
  for (const Measure& measure : measure_table()) {
    if (!any_has(columns, measure)) continue;
    const auto value = [&](const TableColumn& column) { return column.numbers[measure.key]; };
    const double difference = columns.size() < 2 ? 0 : value(columns[1]) - value(columns[0]);
    out += cell("%-26s", measure.label.c_str());
    out += table_line(columns, change ? aligned(number_cell("%+.3f", difference), "") : "",
                      [&](const TableColumn& column) { return number_cell("%.3f", value(column)); });
  }
  return out;
}

std::string measured_lines(const Columns& columns) {
  std::string out;
  for (const TableColumn& column : columns)
    if (!column.measured.empty()) out += cat("(", column.title, ": ", column.measured, ")\n");
  return out;
}

std::string failure_lines(const Columns& columns) {
  std::string out;
  for (const TableColumn& column : columns)
    for (const std::string& sentence : failures_of(column.numbers))
      out += cat("(", column.title, ": ", sentence, ")\n");
  return out;
}

}  // namespace

std::string comparison_table(const Columns& columns) {
  const auto beside =
      std::count_if(columns.begin(), columns.end(), [](const TableColumn& column) { return column.beside; });
  const Evaluation& last = columns.back().numbers;
  return table(columns, columns.size() - size_t(beside) == 2) +
         cat("(", last.prompts, " prompts x ", last.members, " pictures, seed ", last.seed, ")\n") +
         failure_lines(columns) + measured_lines(columns);
}

std::string measures_table(const Columns& columns) {
  if (columns.size() == 1) return comparison_table(columns);
  std::string out = table(columns, false);
  for (const TableColumn& column : columns)
    out += cat("(", column.title, ": ", column.numbers.prompts, " prompts x ", column.numbers.members,
               " pictures, seed ", column.numbers.seed, ")\n");
  return out + failure_lines(columns) + measured_lines(columns);
}

Evaluation mean_evaluation(const std::vector<Evaluation>& all) {
  Evaluation mean = all.front();
  for (auto& [key, value] : mean.values) {
    value = 0;
    for (const Evaluation& one : all) value += one[key];
    value /= double(all.size());
  }
  return mean;
}

}  // namespace gamut::eval
