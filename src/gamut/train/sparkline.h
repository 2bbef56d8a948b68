// SPDX-License-Identifier: Apache-2.0
// A curve on one line of a terminal: ▆▇█▆▅▃▂
#pragma once

#include <string>
#include <vector>

namespace gamut::train {

// One block per column, the mean of an equal share of the values each, from 0 (the lowest block) to the
// largest of these means (the highest); fewer values than columns give a block each. Values that are not
// finite or below 0 count as 0.
std::string sparkline(const std::vector<double>& values, size_t columns);

}  // namespace gamut::train
