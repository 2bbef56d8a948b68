// SPDX-License-Identifier: Apache-2.0
// k-means of a few points in double precision, on named random numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace gamut::diversity {

// Rows of one matrix, which must outlive this, and their squared distances to centers.
struct Points {
  int64_t count, width;
  const double* values;

  const double* row(int64_t i) const { return values + i * width; }
  double squared_distance(int64_t i, const double* center) const {
    double sum = 0;
    for (int64_t c = 0; c < width; ++c) sum += (row(i)[c] - center[c]) * (row(i)[c] - center[c]);
    return sum;
  }
};

struct KMeansOptions {
  int64_t restarts = 10, max_iterations = 300;
  uint64_t seed = 0;
};

// One label in 0 … k-1 per point, of the restart with the smallest error (sum of squared distances to the
// centers); of nearly equal ones the first. Lloyd's iteration from k-means++; no cluster is empty. k in 1 …
// points.count.
std::vector<int64_t> k_means(const Points& points, int64_t k, const KMeansOptions& options);

}  // namespace gamut::diversity
