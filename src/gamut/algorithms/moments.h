// SPDX-License-Identifier: Apache-2.0
// Means and deviations that do not depend on the order of their values, to the last bit: sums run over sorted
// values.
#pragma once

#include <cstdint>
#include <vector>

namespace gamut::algorithms {

double mean_of(std::vector<double> values);  // 0 without values; exact when all are equal
// sqrt(sum (v - mean)^2 / (n - ddof)); 0 when n <= ddof or all are equal.
double std_of(const std::vector<double>& values, int64_t ddof = 0);
bool all_equal(const std::vector<double>& values);  // also of fewer than two
// (v - mean) / max(population std, floor); all 0 when the values are all equal.
std::vector<double> z_scores(const std::vector<double>& values, double floor = 0);

}  // namespace gamut::algorithms
