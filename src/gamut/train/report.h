// SPDX-License-Identifier: Apache-2.0
// What one iteration measured. docs/metrics.md gives each number's formula.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace gamut::train {

struct StepReport {
  int64_t step = 0;  // iterations done, from 1
  double reward_mean = 0, reward_std = 0, zero_std_ratio = 0;
  int64_t reward_failures = 0;
  std::optional<double> reward_exact;          // of a reward that reads text
  std::map<std::string, double> reward_parts;  // reward.kind = mix: mean of each part's own values
  double ratio_max_deviation = 0, clip_fraction = 0, approx_kl = 0, kl = 0, policy_loss = 0;
  double grad_norm = 0, learning_rate = 0, advantage_abs_mean = 0;
  double group_distance = 0;
  // Absent where the part is off.
  std::optional<double> bonus_std, cluster_count, cluster_entropy, subset_std_ratio, gate_share, kept_share,
      anchor_weight;
  std::optional<int64_t> subset_fallbacks;
  std::optional<bool> reference_renewed;
  int64_t images = 0, trained_images = 0, updates = 0, skipped = 0, skipped_total = 0;
  double seconds_rollout = 0, seconds_reward = 0, seconds_credit = 0, seconds_reference = 0,
         seconds_update = 0, seconds_total = 0;

  nlohmann::ordered_json to_json() const;  // a row of metrics.jsonl; non-finite numbers become null
};

}  // namespace gamut::train
