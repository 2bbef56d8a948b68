// SPDX-License-Identifier: Apache-2.0
// From BRISQUE's features to its score: a support-vector regression with an RBF kernel, as
// scripts/convert_brisque.py writes it.
#pragma once

#include "gamut/rewards/brisque_features.h"

#include <filesystem>
#include <vector>

namespace gamut::rewards {

// A safetensors file, all in double precision: `range` [2, 36], smallest and largest value of each feature;
// `support_vectors` [N, 36] on features scaled to [-1, 1]; `weights` [N]; `gamma` [1], above 0; `rho` [1].
// DataError where a file is not that, or holds numbers that are not finite; EnvironmentError where it is
// missing.
class BrisqueModel {
 public:
  explicit BrisqueModel(const std::filesystem::path& file);

  // sum weights exp(-gamma |vector - x|^2) - rho: 0 (best) … 100 (worst), cut off at both ends as OpenCV
  // does.
  double score(const BrisqueFeatures& features) const;

 private:
  std::array<double, 36> least_{}, largest_{};
  std::vector<std::array<double, 36>> vectors_;
  std::vector<double> weights_;  // one per vector
  double rho_ = 0, gamma_ = 0;
};

}  // namespace gamut::rewards
