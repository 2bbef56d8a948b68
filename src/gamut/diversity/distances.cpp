// SPDX-License-Identifier: Apache-2.0
// Plain loops rather than a matrix product: every pair is summed in one order, so that the distance of two
// members does not depend on where they stand in the group.
#include "gamut/diversity/distances.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace gamut::diversity {

namespace {

// Of rounding in float32, relative to the largest distance, which counts as at least 1.
constexpr double kTolerance = 1e-6;

at::Tensor checked_features(const at::Tensor& features) {
  if (features.dim() != 2 || features.size(0) == 0 || features.size(1) == 0) {
    throw DataError("diversity", cat("features must be one row of equal width per member; got shape ",
                                     features.sizes(), "; expected [n, d] with n, d >= 1"));
  }
  const at::Tensor f_ND = features.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor is_finite_N = f_ND.isfinite().all(1);
  if (!is_finite_N.all().item<bool>()) {
    throw DataError("diversity", cat("features must be finite; got a NaN or an infinity in member ",
                                     is_finite_N.logical_not().nonzero()[0].item<int64_t>()));
  }
  return f_ND;
}

double squared_distance(const double* a, const double* b, int64_t size) {
  double part[4] = {};
  for (int64_t i = 0; i < size; ++i) part[i % 4] += (a[i] - b[i]) * (a[i] - b[i]);
  return part[0] + part[1] + part[2] + part[3];
}

template <class Distance>
at::Tensor all_pairs(const at::Tensor& rows_ND, Distance distance) {
  const int64_t n = rows_ND.size(0), d = rows_ND.size(1);
  const double* rows = rows_ND.const_data_ptr<double>();
  at::Tensor d_NN = at::zeros({n, n}, at::kDouble);
  double* out = d_NN.mutable_data_ptr<double>();
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t k = 0; k < j; ++k) {
      out[j * n + k] = out[k * n + j] = distance(squared_distance(rows + j * d, rows + k * d, d), j, k);
    }
  }
  return d_NN;
}

[[noreturn]] void refuse(const char* rule, int64_t j, int64_t k, double got) {
  throw DataError("diversity", cat("distances ", rule, "; got ", got, " at [", j, "][", k, "]"));
}

// Each row without its diagonal, ascending: sums over it do not depend on the members' order.
std::vector<double> sorted_others(const at::Tensor& d_NN, int64_t j) {
  const int64_t n = d_NN.size(0);
  const double* row = d_NN.const_data_ptr<double>() + j * n;
  std::vector<double> others(row, row + n);
  others.erase(others.begin() + j);
  std::sort(others.begin(), others.end());
  return others;
}

}  // namespace

at::Tensor cosine_distances(const at::Tensor& features) {
  const at::Tensor unit_ND = checked_features(features).clone();
  const int64_t d = unit_ND.size(1);
  const std::vector<double> origin(size_t(d), 0.0);
  std::vector<double> norm;
  for (int64_t j = 0; j < unit_ND.size(0); ++j) {
    double* row = unit_ND.mutable_data_ptr<double>() + j * d;
    norm.push_back(std::sqrt(squared_distance(row, origin.data(), d)));
    if (norm.back() > 0) std::for_each(row, row + d, [&](double& x) { x /= norm.back(); });
  }
  // |u - v|^2 / 2 = 1 - cos for unit vectors: exactly 0 for equal ones, and without cancellation for near
  // ones. A row of zeros is like another one and orthogonal to all others.
  return all_pairs(unit_ND, [&](double squared, int64_t j, int64_t k) {
    return (norm[size_t(j)] > 0) == (norm[size_t(k)] > 0) ? std::min(squared / 2, 2.0) : 1.0;
  });
}

at::Tensor euclidean_distances(const at::Tensor& features) {
  return all_pairs(checked_features(features),
                   [](double squared, int64_t, int64_t) { return std::sqrt(squared); });
}

at::Tensor checked_distances(const at::Tensor& distances) {
  if (distances.dim() != 2 || distances.size(0) != distances.size(1) || distances.size(0) == 0) {
    throw DataError("diversity",
                    cat("distances must be a square matrix, one row and column per member; got shape ",
                        distances.sizes()));
  }
  const at::Tensor d_NN = distances.detach().to(at::kCPU, at::kDouble).contiguous();
  const int64_t n = d_NN.size(0);
  const double* d = d_NN.const_data_ptr<double>();
  double largest = 1;
  for (int64_t i = 0; i < n * n; ++i) {
    if (!std::isfinite(d[i])) refuse("must be finite", i / n, i % n, d[i]);
    largest = std::max(largest, std::abs(d[i]));
  }
  const double tolerance = kTolerance * largest;

  at::Tensor out_NN = at::zeros({n, n}, at::kDouble);
  double* out = out_NN.mutable_data_ptr<double>();
  for (int64_t j = 0; j < n; ++j) {
    if (std::abs(d[j * n + j]) > tolerance) refuse("must be 0 on the diagonal", j, j, d[j * n + j]);
    for (int64_t k = 0; k < n; ++k) {
      const double there = d[j * n + k], back = d[k * n + j];
      if (there < -tolerance) refuse("must not be negative", j, k, there);
      if (std::abs(there - back) > tolerance) {
        refuse(cat("must be symmetric; expected ", back, " as at [", k, "][", j, "]").c_str(), j, k, there);
      }
      if (j != k) out[j * n + k] = std::max((there + back) / 2, 0.0);
    }
  }
  return out_NN;
}

std::vector<double> mean_distances(const at::Tensor& distances) {
  const at::Tensor d_NN = checked_distances(distances);
  const int64_t n = d_NN.size(0);
  std::vector<double> means;
  for (int64_t j = 0; j < n; ++j) {
    double sum = 0;
    for (const double d : sorted_others(d_NN, j)) sum += d;
    means.push_back(n == 1 ? 0.0 : sum / double(n - 1));
  }
  return means;
}

std::vector<double> nearest_distances(const at::Tensor& distances) {
  const at::Tensor d_NN = checked_distances(distances);
  std::vector<double> nearest;
  for (int64_t j = 0; j < d_NN.size(0); ++j) {
    const std::vector<double> others = sorted_others(d_NN, j);
    nearest.push_back(others.empty() ? 0.0 : others.front());
  }
  return nearest;
}

}  // namespace gamut::diversity
