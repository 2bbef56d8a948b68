// SPDX-License-Identifier: Apache-2.0
// Methods over seeds at the same reward, every measure on its own attainable frontier along lines
// (frontier.h), as Markdown: values, the pairs whose intervals exclude 0, and the ranks by families.
#pragma once

#include "gamut/eval/frontier.h"
#include "gamut/eval/methods_table.h"

#include <optional>
#include <string>
#include <vector>

namespace gamut::eval {

// Of every measure of which more is better: mean over seeds (smallest–largest), a dash where a seed does not
// reach the level; then one line per measure with the pairs that differ, and how many do not.
std::string attained_table(const std::vector<MethodRow>& rows, double level);
// Ranks by families at the level, or without one at the last evaluation: on the prompts evaluated, and on
// held-out ones where every row has them. "" with fewer than two methods, methods of unequal seeds, or no
// measure of a family.
std::string ranks_table(const std::vector<MethodRow>& rows, const std::optional<double>& level);

// A measure's curves: x the reward, y the measure, by method in the order of the rows. Rows that lack either
// are left out.
std::vector<Method> curves_of(const std::vector<MethodRow>& rows, const std::string& key);

}  // namespace gamut::eval
