// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/moments.h"

#include <algorithm>
#include <cmath>

namespace gamut::algorithms {

double mean_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  if (values.front() == values.back()) return values.front();  // three times 0.1 / 3 is not 0.1
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / double(values.size());
}

double std_of(const std::vector<double>& values, int64_t ddof) {
  const int64_t freedom = int64_t(values.size()) - ddof;
  if (freedom <= 0 || all_equal(values)) return 0;
  const double mean = mean_of(values);
  std::vector<double> squares;
  for (const double value : values) squares.push_back((value - mean) * (value - mean));
  return std::sqrt(mean_of(std::move(squares)) * double(values.size()) / double(freedom));
}

bool all_equal(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
}

std::vector<double> z_scores(const std::vector<double>& values, double floor) {
  std::vector<double> scores(values.size(), 0.0);
  if (all_equal(values)) return scores;
  const double mean = mean_of(values), std = std::max(std_of(values), floor);
  for (size_t j = 0; j < values.size(); ++j) scores[j] = (values[j] - mean) / std;
  return scores;
}

}  // namespace gamut::algorithms
