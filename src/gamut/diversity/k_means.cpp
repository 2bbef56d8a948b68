// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/k_means.h"

#include "gamut/core/random.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace gamut::diversity {
namespace {

constexpr double kErrorTie = 1e-9;  // errors closer than this are equal

// k-means++ (Arthur and Vassilvitskii, 2007): each further center is a point drawn by its squared distance to
// the nearest center so far.
std::vector<double> first_centers(const Points& points, int64_t k, Stream& stream) {
  std::vector<double> centers;
  std::vector<double> nearest(size_t(points.count), std::numeric_limits<double>::infinity());
  int64_t chosen = stream.below(points.count);
  while (true) {
    centers.insert(centers.end(), points.row(chosen), points.row(chosen) + points.width);
    if (int64_t(centers.size()) == k * points.width) return centers;
    const double* center = centers.data() + int64_t(centers.size()) - points.width;
    double total = 0;
    for (int64_t i = 0; i < points.count; ++i) {
      nearest[size_t(i)] = std::min(nearest[size_t(i)], points.squared_distance(i, center));
      total += nearest[size_t(i)];
    }
    double left = stream.uniform() * total;
    chosen = 0;
    for (int64_t i = 0; i < points.count; ++i) {
      if (nearest[size_t(i)] <= 0) continue;
      chosen = i;
      left -= nearest[size_t(i)];
      if (left < 0) break;
    }
  }
}

struct Partition {
  std::vector<int64_t> labels;
  double error = std::numeric_limits<double>::infinity();  // sum of squared distances to the centers
};

std::vector<int64_t> sizes_of(const std::vector<int64_t>& labels, int64_t k) {
  std::vector<int64_t> sizes(size_t(k), 0);
  for (const int64_t label : labels) ++sizes[size_t(label)];
  return sizes;
}

Partition assign(const Points& points, const std::vector<double>& centers, int64_t k) {
  Partition result{std::vector<int64_t>(size_t(points.count), 0), 0};
  std::vector<double> error(size_t(points.count), std::numeric_limits<double>::infinity());
  for (int64_t i = 0; i < points.count; ++i) {
    for (int64_t c = 0; c < k; ++c) {
      const double squared = points.squared_distance(i, centers.data() + c * points.width);
      if (squared < error[size_t(i)]) {
        error[size_t(i)] = squared;
        result.labels[size_t(i)] = c;
      }
    }
  }
  // An empty cluster takes the farthest point that does not leave another one empty.
  std::vector<int64_t> sizes = sizes_of(result.labels, k);
  for (int64_t c = 0; c < k; ++c) {
    if (sizes[size_t(c)] > 0) continue;
    int64_t farthest = -1;
    for (int64_t i = 0; i < points.count; ++i) {
      const bool can_leave = sizes[size_t(result.labels[size_t(i)])] > 1;
      if (can_leave && (farthest < 0 || error[size_t(i)] > error[size_t(farthest)])) farthest = i;
    }
    --sizes[size_t(result.labels[size_t(farthest)])];
    ++sizes[size_t(c)];
    result.labels[size_t(farthest)] = c;
    error[size_t(farthest)] = 0;
  }
  result.error = std::accumulate(error.begin(), error.end(), 0.0);
  return result;
}

std::vector<double> centers_of(const Points& points, const std::vector<int64_t>& labels, int64_t k) {
  std::vector<double> centers(size_t(k * points.width), 0.0);
  for (int64_t i = 0; i < points.count; ++i) {
    for (int64_t c = 0; c < points.width; ++c) {
      centers[size_t(labels[size_t(i)] * points.width + c)] += points.row(i)[c];
    }
  }
  const std::vector<int64_t> sizes = sizes_of(labels, k);
  for (size_t i = 0; i < centers.size(); ++i) centers[i] /= double(sizes[i / size_t(points.width)]);
  return centers;
}

}  // namespace

std::vector<int64_t> k_means(const Points& points, int64_t k, const KMeansOptions& options) {
  Partition best;
  for (int64_t restart = 0; restart < options.restarts; ++restart) {
    Stream stream(options.seed, "diversity.k_means", {restart});
    Partition now = assign(points, first_centers(points, k, stream), k);
    for (int64_t i = 1; i < options.max_iterations; ++i) {
      Partition next = assign(points, centers_of(points, now.labels, k), k);
      const bool is_settled = next.labels == now.labels;
      now = std::move(next);
      if (is_settled) break;
    }
    if (best.labels.empty() || now.error < best.error * (1 - kErrorTie)) best = std::move(now);
  }
  return best.labels;
}

}  // namespace gamut::diversity
