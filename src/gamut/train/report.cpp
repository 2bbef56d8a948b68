// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/report.h"

#include <nlohmann/json.hpp>

namespace gamut::train {

nlohmann::ordered_json StepReport::to_json() const {
  nlohmann::ordered_json row{{"step", step},
                             {"reward_mean", reward_mean},
                             {"reward_std", reward_std},
                             {"reward_failures", reward_failures},
                             {"zero_std_ratio", zero_std_ratio},
                             {"ratio_max_deviation", ratio_max_deviation},
                             {"clip_fraction", clip_fraction},
                             {"approx_kl", approx_kl},
                             {"kl", kl},
                             {"policy_loss", policy_loss},
                             {"grad_norm", grad_norm},
                             {"learning_rate", learning_rate},
                             {"advantage_abs_mean", advantage_abs_mean},
                             {"group_distance", group_distance},
                             {"images", images},
                             {"trained_images", trained_images},
                             {"updates", updates},
                             {"skipped", skipped},
                             {"skipped_total", skipped_total},
                             {"seconds_rollout", seconds_rollout},
                             {"seconds_reward", seconds_reward},
                             {"seconds_credit", seconds_credit},
                             {"seconds_reference", seconds_reference},
                             {"seconds_update", seconds_update},
                             {"seconds_total", seconds_total}};
  auto add = [&](const char* key, const auto& value) {
    if (value) row[key] = *value;
  };
  add("reward_exact", reward_exact);
  add("bonus_std", bonus_std);
  add("cluster_count", cluster_count);
  add("cluster_entropy", cluster_entropy);
  add("subset_std_ratio", subset_std_ratio);
  add("subset_fallbacks", subset_fallbacks);
  add("gate_share", gate_share);
  add("kept_share", kept_share);
  add("anchor_weight", anchor_weight);
  add("reference_renewed", reference_renewed);
  for (const auto& [part, mean] : reward_parts) row["reward_mean_" + part] = mean;
  return row;
}

}  // namespace gamut::train
