// SPDX-License-Identifier: Apache-2.0
// Spectral clustering of one group, as DiverseGRPO uses it (arXiv 2512.21514):
//
//   A_jk = exp(-d_jk^2 / (2 s^2))     M = D^{-1/2} A D^{-1/2}, D = row sums of A
//   k eigenvectors of the largest eigenvalues of M -> rows -> k-means
//
// In double precision; the partition does not depend on the members' order.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::diversity {

struct SpectralOptions {
  int64_t clusters = 0;            // k; 0 = by the largest gap of eigenvalues (eigengap)
  int64_t max_clusters = 8;        // eigengap: k_max = min(max_clusters, max(2, n / 3))
  std::string sigma = "quantile";  // quantile | median | self_tuning | fixed
  double sigma_q = 0.10;           // quantile of the off-diagonal distances, linear interpolation, floor 1e-3
  double sigma_value = 0.1;        // fixed
  int64_t sigma_neighbor = 7;      // self_tuning: s_j = distance to this neighbour
  bool self_affinity = true;       // A_jj = 1 enters the degree; false as scikit-learn
  std::string rows = "degree";     // degree: D^{-1/2} U (scikit-learn) | raw: U | unit: rows of length 1
  int64_t restarts = 10, max_iterations = 300;
  uint64_t seed = 0;  // of k-means++
};

at::Tensor gaussian_affinity(const at::Tensor& distances, const SpectralOptions& options);  // [n, n]
// Eigenvalues of M, descending.
std::vector<double> normalized_spectrum(const at::Tensor& affinity, bool self_affinity);
// One label per member, 0 … k-1 by first appearance. All distances < 1e-6, k = 1 or n < 3: all 0. ConfigError
// when options.clusters > n.
std::vector<int64_t> spectral_clusters(const at::Tensor& distances, const SpectralOptions& options);

}  // namespace gamut::diversity
