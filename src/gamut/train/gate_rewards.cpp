// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/gate_rewards.h"

#include "gamut/core/error.h"

namespace gamut::train {

std::vector<rewards::RewardConfig> gate_reward_configs(const TrainConfig& config) {
  if (!config.gate_tables.empty()) return config.gate_tables;
  std::vector<rewards::RewardConfig> all;
  for (const std::string& kind : config.slots.regularizer.gate_rewards) {
    rewards::RewardConfig& reward = all.emplace_back(config.gate_defaults);
    reward.kind = kind;
    if (reward.clip_model.empty()) reward.clip_model = config.slots.shaping.features.model;
  }
  return all;
}

std::vector<std::unique_ptr<rewards::Reward>> make_gate_rewards(const TrainConfig& config) {
  std::vector<std::unique_ptr<rewards::Reward>> rewards;
  for (const rewards::RewardConfig& reward : gate_reward_configs(config))
    rewards.push_back(rewards::make_reward(reward, config.device));
  if (rewards.empty())
    throw ConfigError("regularizer",
                      "gated_kl needs regularizer.gate_rewards, the rewards that the gate compares with");
  return rewards;
}

}  // namespace gamut::train
