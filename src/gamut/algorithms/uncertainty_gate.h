// SPDX-License-Identifier: Apache-2.0
// GARDO's gate (arXiv 2512.24138): the share p of pictures whose main reward disagrees most with auxiliary
// rewards is regularized; p adapts to how large the disagreement is. As its public code does it, and the
// fixed reading.
#pragma once

#include "gamut/algorithms/regularizer.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <vector>

namespace gamut::algorithms {

// 1 for the largest value, 2 for the next …; equal values keep their order.
std::vector<double> descending_ranks(const std::vector<double>& values);

class UncertaintyGate {
 public:
  explicit UncertaintyGate(const RegularizerConfig& config);
  // main [B], auxiliaries: each [B]; one batch = one iteration. 1 where the picture is regularized.
  // U = rank(main) - mean rank(auxiliaries); as_described uses -U. First p: m = mean of U over U >= 0; x1.1
  // if m > max of the last <= 20 such means, x0.9 if m < min; in [0.02, 0.20]. Then gate = U > percentile(U
  // restricted to U >= 0, 100 (1 - p)), linear interpolation.
  std::vector<uint8_t> open(const std::vector<double>& main,
                            const std::vector<std::vector<double>>& auxiliaries);
  double share() const { return share_; }
  nlohmann::json state() const;
  void load_state(const nlohmann::json& state);

 private:
  void adapt(double mean);

  bool as_described_ = false;
  double share_ = 0.10;
  std::vector<double> history_;
};

// When GARDO's reference is overwritten by the policy: the logged KL passed reset_kl, or more than
// reset_epochs iterations have passed since the last time. Checked once per iteration.
bool reference_is_due(const RegularizerConfig& config, double kl, int64_t iterations_since_reset);

}  // namespace gamut::algorithms
