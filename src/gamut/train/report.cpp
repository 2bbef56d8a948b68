// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/report.h"

#include <nlohmann/json.hpp>

namespace gamut::train {

nlohmann::ordered_json StepReport::to_json() const {
  return {{"step", step},
          {"reward_mean", reward_mean},
          {"reward_std", reward_std},
          {"reward_exact", reward_exact},
          {"reward_failures", reward_failures},
          {"zero_std_ratio", zero_std_ratio},
          {"ratio_max_deviation", ratio_max_deviation},
          {"clip_fraction", clip_fraction},
          {"approx_kl", approx_kl},
          {"kl", kl},
          {"policy_loss", policy_loss},
          {"grad_norm", grad_norm},
          {"advantage_abs_mean", advantage_abs_mean},
          {"images", images},
          {"trained_images", trained_images},
          {"updates", updates},
          {"skipped", skipped},
          {"skipped_total", skipped_total},
          {"seconds_rollout", seconds_rollout},
          {"seconds_reward", seconds_reward},
          {"seconds_update", seconds_update},
          {"seconds_total", seconds_total}};
}

}  // namespace gamut::train
