// SPDX-License-Identifier: Apache-2.0
// From BRISQUE's features to its score: a support-vector regression in the files of OpenCV's module
// `quality`.
#pragma once

#include "gamut/rewards/brisque_features.h"

#include <filesystem>
#include <vector>

namespace gamut::rewards {

// model: a file of cv::ml::SVM (opencv_ml_svm: EPS_SVR or NU_SVR with an RBF kernel on 36 variables). range:
// a file with the matrix `range` [2, 36], smallest and largest value of each feature. DataError where a file
// is not that, or holds numbers that are not finite; EnvironmentError where one is missing.
class BrisqueModel {
 public:
  BrisqueModel(const std::filesystem::path& model, const std::filesystem::path& range);

  // 0 (best) … 100 (worst), cut off at both ends as OpenCV does.
  double score(const BrisqueFeatures& features) const;

 private:
  void read_range(const std::filesystem::path& path);
  void read_regression(const std::filesystem::path& path);

  std::array<double, 36> least_{}, largest_{};
  std::vector<std::array<double, 36>> vectors_;  // on features scaled to [-1, 1]
  std::vector<double> weights_;                  // one per vector
  double offset_ = 0, gamma_ = 0;                // score = sum w exp(-gamma |v - x|^2) - offset
};

}  // namespace gamut::rewards
