// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/iteration_report.h"

#include <algorithm>
#include <cmath>

namespace gamut::train {

void report_rewards(const rewards::Scores& scores, bool reads_text, StepReport& report) {
  double sum = 0, squares = 0, exact = 0, count = 0;
  for (size_t i = 0; i < scores.value.size(); ++i) {
    if (!scores.failure[i].empty()) continue;
    sum += scores.value[i];
    squares += scores.value[i] * scores.value[i];
    exact += scores.exact[i];
    count += 1;
  }
  report.reward_failures = scores.num_failed();
  if (count == 0) return;
  report.reward_mean = sum / count;
  report.reward_std = std::sqrt(std::max(0.0, squares / count - report.reward_mean * report.reward_mean));
  if (reads_text) report.reward_exact = exact / count;
  for (const auto& [part, values] : scores.parts) {
    double part_sum = 0;
    for (size_t i = 0; i < values.size(); ++i)
      if (scores.failure[i].empty()) part_sum += values[i];
    report.reward_parts[part] = part_sum / count;
  }
}

void report_credit(const RowCredit& credit, const algorithms::Slots& slots, StepReport& report) {
  const algorithms::Credit& groups = credit.groups;
  report.zero_std_ratio = double(groups.zero_std_groups) / double(groups.groups.size());
  report.advantage_abs_mean = groups.advantage_abs_mean;
  report.group_distance = credit.group_distance;
  if (slots.shaping.kind != "none") report.bonus_std = groups.bonus_std;
  if (slots.shaping.kind == "cluster_bonus") {
    report.cluster_count = groups.cluster_count;
    report.cluster_entropy = groups.cluster_entropy;
  }
  if (slots.subset.is_on()) {
    report.subset_std_ratio = groups.subset_std_ratio;
    report.subset_fallbacks = groups.subset_fallbacks;
  }
  for (const uint8_t trained : credit.trained) report.trained_images += trained;
}

}  // namespace gamut::train
