// SPDX-License-Identifier: Apache-2.0
// Evaluations side by side as a plain-text table.
#pragma once

#include "gamut/eval/evaluate.h"

#include <string>
#include <vector>

namespace gamut::eval {

struct TableColumn {
  std::string title;
  Evaluation numbers;
  std::string measured = {};  // which model, step and weights, for a line below the table; "" = no line
  bool beside = false;        // stands beside another column and has no part in the change: raw weights
};

// One column per evaluation, one row per measure that one of them has; of two evaluations a column gives the
// change.
std::string comparison_table(const std::vector<TableColumn>& columns);

// The same without a change: columns that do not belong to before and after. Each has its own line of what
// was drawn.
std::string measures_table(const std::vector<TableColumn>& columns);

// The mean of the first's measures; what was drawn is the first's.
Evaluation mean_evaluation(const std::vector<Evaluation>& all);

}  // namespace gamut::eval
