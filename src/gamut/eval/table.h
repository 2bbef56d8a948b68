// SPDX-License-Identifier: Apache-2.0
// Evaluations side by side as a plain-text table.
#pragma once

#include "gamut/eval/evaluate.h"

#include <string>
#include <utility>
#include <vector>

namespace gamut::eval {

// One column per evaluation, one row per measure; of two evaluations a last column gives the change.
std::string comparison_table(const std::vector<std::pair<std::string, Evaluation>>& columns);

// The same without a change: columns that do not belong to before and after. Each has its own line of what was drawn.
std::string measures_table(const std::vector<std::pair<std::string, Evaluation>>& columns);

}  // namespace gamut::eval
