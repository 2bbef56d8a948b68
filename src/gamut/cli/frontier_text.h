// SPDX-License-Identifier: Apache-2.0
// Matched comparisons as plain text.
#pragma once

#include "gamut/eval/frontier.h"
#include "gamut/eval/level_pairs.h"

#include <string>
#include <vector>

namespace gamut::cli {

struct AxisNames {
  std::string x, y;  // "reward", "color_spread"
};

// Two tables: more y at equal x, more x at equal y. All comparisons have one baseline.
std::string comparison_text(const std::vector<eval::Comparison>& comparisons, const AxisNames& axes);
// Per level what each method attains, and every pair's change with its interval, or "no finding" and the
// interval.
std::string pairs_text(const std::vector<eval::LevelTable>& tables, const AxisNames& axes);
// One line per method: its runs, their seeds and how many checkpoints stand on the frontier.
std::string methods_text(const std::vector<eval::Method>& methods);

}  // namespace gamut::cli
