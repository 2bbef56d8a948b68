// SPDX-License-Identifier: Apache-2.0
// The rewards that GARDO's gate compares with.
#pragma once

#include "gamut/rewards/reward.h"
#include "gamut/train/config.h"

#include <memory>
#include <vector>

namespace gamut::train {

// What regularizer.gate_rewards lists, configured: a name takes the other keys of TrainConfig::gate_defaults,
// and clip_score without a model of its own the CLIP of [shaping]; a table stands for itself.
std::vector<rewards::RewardConfig> gate_reward_configs(const TrainConfig& config);
// ConfigError when there is none; else as rewards::make_reward.
std::vector<std::unique_ptr<rewards::Reward>> make_gate_rewards(const TrainConfig& config);

}  // namespace gamut::train
