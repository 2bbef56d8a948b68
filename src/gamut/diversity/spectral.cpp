// SPDX-License-Identifier: Apache-2.0
// Members are brought into an order of their own before anything that depends on the order (sums,
// eigenvectors, draws of k-means++), so that a permuted group gives the permuted partition, bit for bit.
#include "gamut/diversity/spectral.h"

#include "gamut/core/error.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/k_means.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gamut::diversity {

namespace {

constexpr double kIdentical = 1e-6;      // distance below which two members count as the same picture
constexpr double kSmallestSigma = 1e-3;  // a width of 0 would cut a group of near copies into pieces
constexpr double kTie = 1e-9;            // eigengaps closer than this are equal

void check_options(const SpectralOptions& o) {
  const auto refuse = [](const char* key, const auto& got, const char* expected) {
    throw ConfigError("diversity", cat(key, " is out of range; got ", got, "; expected ", expected));
  };
  if (o.clusters < 0) refuse("clusters", o.clusters, "at least 1, or 0 for the eigengap");
  if (o.max_clusters < 1) refuse("max_clusters", o.max_clusters, "at least 1");
  if (o.sigma != "quantile" && o.sigma != "median" && o.sigma != "self_tuning" && o.sigma != "fixed") {
    refuse("sigma", o.sigma, "quantile, median, self_tuning or fixed");
  }
  if (!(o.sigma_q >= 0 && o.sigma_q <= 1)) refuse("sigma_q", o.sigma_q, "0 to 1");
  if (o.sigma == "fixed" && !(o.sigma_value > 0 && std::isfinite(o.sigma_value))) {
    refuse("sigma_value", o.sigma_value, "a number above 0");
  }
  if (o.sigma_neighbor < 1) refuse("sigma_neighbor", o.sigma_neighbor, "at least 1");
  if (o.rows != "degree" && o.rows != "raw" && o.rows != "unit")
    refuse("rows", o.rows, "degree, raw or unit");
  if (o.restarts < 1) refuse("restarts", o.restarts, "at least 1");
  if (o.max_iterations < 1) refuse("max_iterations", o.max_iterations, "at least 1");
}

std::vector<double> sorted_row(const at::Tensor& d_NN, int64_t j) {
  const int64_t n = d_NN.size(0);
  const double* row = d_NN.const_data_ptr<double>() + j * n;
  std::vector<double> sorted(row, row + n);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Of the distances j < k, with linear interpolation between the two nearest ranks.
double distance_quantile(const at::Tensor& d_NN, double q) {
  const int64_t n = d_NN.size(0);
  const double* d = d_NN.const_data_ptr<double>();
  std::vector<double> pairs;
  for (int64_t j = 0; j < n; ++j) pairs.insert(pairs.end(), d + j * n + j + 1, d + j * n + n);
  if (pairs.empty()) return 0;
  std::sort(pairs.begin(), pairs.end());
  const double place = q * double(pairs.size() - 1);
  const size_t low = size_t(place), high = std::min(low + 1, pairs.size() - 1);
  return pairs[low] + (place - double(low)) * (pairs[high] - pairs[low]);
}

double common_sigma(const at::Tensor& d_NN, const SpectralOptions& options) {
  if (options.sigma == "fixed") return options.sigma_value;
  return std::max(kSmallestSigma, distance_quantile(d_NN, options.sigma == "median" ? 0.5 : options.sigma_q));
}

// 2 s^2, or s_j s_k of Zelnik-Manor and Perona (2004) with s_j the distance to a neighbor of j.
at::Tensor squared_widths(const at::Tensor& d_NN, const SpectralOptions& options) {
  const int64_t n = d_NN.size(0);
  if (options.sigma != "self_tuning") {
    const double sigma = common_sigma(d_NN, options);
    return at::full({n, n}, 2 * sigma * sigma, at::kDouble);
  }
  std::vector<double> sigma;
  for (int64_t j = 0; j < n; ++j) {
    // The row's smallest entry is the member itself.
    const double s = sorted_row(d_NN, j)[size_t(std::min(options.sigma_neighbor, n - 1))];
    sigma.push_back(std::max(kSmallestSigma, s));
  }
  const at::Tensor sigma_N = at::tensor(sigma, at::kDouble);
  return sigma_N.outer(sigma_N);
}

struct NormalizedAffinity {
  at::Tensor matrix_NN, degree_N;
};

// A member without any affinity to others is a component of its own: eigenvalue 1, as in SciPy's Laplacian.
NormalizedAffinity normalize(const at::Tensor& affinity, bool self_affinity) {
  const at::Tensor a_NN = affinity.detach().to(at::kCPU, at::kDouble).clone();
  if (!self_affinity) a_NN.diagonal().zero_();
  at::Tensor degree_N = a_NN.sum(1);
  const at::Tensor is_alone_N = degree_N <= 0;
  degree_N = at::where(is_alone_N, 1.0, degree_N);
  const at::Tensor root_N = degree_N.sqrt();
  at::Tensor m_NN = a_NN / root_N.outer(root_N);
  m_NN.diagonal().add_(is_alone_N.to(at::kDouble));
  return {m_NN, degree_N};
}

struct Spectrum {
  std::vector<double> values;  // descending
  at::Tensor vectors_NK;       // columns belong to them; the entry of largest magnitude is positive
};

Spectrum spectrum_of(const at::Tensor& matrix_NN) {
  const auto [values_N, vectors_NN] = at::linalg_eigh(matrix_NN);
  Spectrum s;
  const at::Tensor descending_N = values_N.flip(0).contiguous();
  s.values.assign(descending_N.const_data_ptr<double>(),
                  descending_N.const_data_ptr<double>() + descending_N.numel());
  s.vectors_NK = vectors_NN.flip(1);
  const at::Tensor largest_1K = s.vectors_NK.abs().argmax(0, true);
  s.vectors_NK = s.vectors_NK * s.vectors_NK.gather(0, largest_1K).sign();
  return s;
}

int64_t largest_gap(const std::vector<double>& values, int64_t max_clusters) {
  const int64_t n = int64_t(values.size());
  const int64_t k_max = std::min({max_clusters, std::max<int64_t>(2, n / 3), n - 1});
  int64_t best = 1;
  const auto gap = [&](int64_t k) { return values[size_t(k - 1)] - values[size_t(k)]; };
  for (int64_t k = 2; k <= k_max; ++k) {
    if (gap(k) > gap(best) + kTie) best = k;
  }
  return best;
}

at::Tensor embedding(const Spectrum& spectrum, const at::Tensor& degree_N, int64_t k,
                     const std::string& rows) {
  at::Tensor y_NK = spectrum.vectors_NK.slice(1, 0, k);
  if (rows == "degree") y_NK = y_NK / degree_N.sqrt().unsqueeze(1);
  if (rows == "unit") y_NK = y_NK / y_NK.norm(2, 1, true).clamp_min(1e-300);
  return y_NK.contiguous();
}

// By the sorted distances to all others, then by the distances to the members placed before. Members that tie
// in both are interchangeable: copies, or images of each other under a symmetry of the group.
std::vector<int64_t> canonical_order(const at::Tensor& d_NN) {
  const int64_t n = d_NN.size(0);
  const double* d = d_NN.const_data_ptr<double>();
  std::vector<std::vector<double>> key;
  for (int64_t j = 0; j < n; ++j) key.push_back(sorted_row(d_NN, j));
  std::vector<int64_t> order, left(size_t(n), 0);
  std::iota(left.begin(), left.end(), 0);
  while (!left.empty()) {
    const auto next = std::min_element(left.begin(), left.end(),
                                       [&](int64_t a, int64_t b) { return key[size_t(a)] < key[size_t(b)]; });
    const int64_t placed = *next;
    order.push_back(placed);
    left.erase(next);
    for (const int64_t j : left) key[size_t(j)].push_back(d[placed * n + j]);
  }
  return order;
}

int64_t count_distinct(const at::Tensor& d_NN) {
  const int64_t n = d_NN.size(0);
  const double* d = d_NN.const_data_ptr<double>();
  int64_t distinct = 0;
  for (int64_t j = 0; j < n; ++j) {
    distinct += std::none_of(d + j * n, d + j * n + j, [](double x) { return x < kIdentical; });
  }
  return distinct;
}

std::vector<int64_t> cluster_ordered(const at::Tensor& d_NN, const SpectralOptions& options) {
  const NormalizedAffinity m = normalize(gaussian_affinity(d_NN, options), options.self_affinity);
  const Spectrum spectrum = spectrum_of(m.matrix_NN);
  const int64_t wanted =
      options.clusters > 0 ? options.clusters : largest_gap(spectrum.values, options.max_clusters);
  const int64_t k = std::min(wanted, count_distinct(d_NN));  // copies are never told apart
  if (k == 1) return std::vector<int64_t>(size_t(d_NN.size(0)), 0);
  const at::Tensor y_NK = embedding(spectrum, m.degree_N, k, options.rows);
  return k_means(
      {y_NK.size(0), k, y_NK.const_data_ptr<double>()}, k,
      {.restarts = options.restarts, .max_iterations = options.max_iterations, .seed = options.seed});
}

std::vector<int64_t> by_first_appearance(const std::vector<int64_t>& labels) {
  std::vector<int64_t> seen, renamed;
  for (const int64_t label : labels) {
    const auto at = std::find(seen.begin(), seen.end(), label);
    renamed.push_back(at - seen.begin());
    if (at == seen.end()) seen.push_back(label);
  }
  return renamed;
}

}  // namespace

at::Tensor gaussian_affinity(const at::Tensor& distances, const SpectralOptions& options) {
  check_options(options);
  const at::Tensor d_NN = checked_distances(distances);
  return (-d_NN.square() / squared_widths(d_NN, options)).exp();
}

std::vector<double> normalized_spectrum(const at::Tensor& affinity, bool self_affinity) {
  return spectrum_of(normalize(affinity, self_affinity).matrix_NN).values;
}

std::vector<int64_t> spectral_clusters(const at::Tensor& distances, const SpectralOptions& options) {
  check_options(options);
  const at::Tensor d_NN = checked_distances(distances);
  const int64_t n = d_NN.size(0);
  if (options.clusters > n) {
    throw ConfigError("diversity", cat("a group of ", n, " members cannot form ", options.clusters,
                                       " clusters; ask for at most ", n, ", or for the eigengap"));
  }
  if (n < 3 || options.clusters == 1 || d_NN.max().item<double>() < kIdentical) {
    return std::vector<int64_t>(size_t(n), 0);
  }
  const std::vector<int64_t> order = canonical_order(d_NN);
  const at::Tensor order_N = at::tensor(order, at::kLong);
  const std::vector<int64_t> ordered =
      cluster_ordered(d_NN.index_select(0, order_N).index_select(1, order_N).contiguous(), options);
  std::vector<int64_t> labels(size_t(n), 0);
  for (size_t i = 0; i < order.size(); ++i) labels[size_t(order[i])] = ordered[i];
  return by_first_appearance(labels);
}

}  // namespace gamut::diversity
