// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/tmpo.h"

#include "gamut/algorithms/moments.h"
#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>

namespace gamut::algorithms {
namespace {

std::vector<double> softmax(std::vector<double> values) {
  const double most = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (double& value : values) {
    value = std::exp(value - most);
    sum += value;
  }
  for (double& value : values) value /= sum;
  return values;
}

}  // namespace

std::vector<double> tmpo_advantages(const std::vector<double>& rewards, const std::vector<double>& log_probs,
                                    double beta) {
  GAMUT_CHECK(log_probs.empty() || log_probs.size() == rewards.size(), rewards.size(), " rewards, ",
              log_probs.size(), " log-probabilities");
  std::vector<double> advantages(rewards.size(), 0.0);
  if (all_equal(rewards)) return advantages;
  std::vector<double> target = z_scores(rewards);
  for (double& value : target) value *= beta;
  target = softmax(target);
  const std::vector<double> policy =
      softmax(log_probs.empty() ? std::vector<double>(rewards.size(), 0.0) : log_probs);
  for (size_t j = 0; j < rewards.size(); ++j)
    advantages[j] = double(rewards.size()) * (target[j] - policy[j]);
  return advantages;
}

}  // namespace gamut::algorithms
