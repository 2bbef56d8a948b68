// SPDX-License-Identifier: Apache-2.0
// What a fine-tuning recipe says to the trainer. Reward, judge and evaluation have their own tables
// elsewhere.
#pragma once

#include "gamut/algorithms/algorithm.h"
#include "gamut/comm/config.h"
#include "gamut/core/config.h"
#include "gamut/nn/lora.h"
#include "gamut/rewards/reward.h"
#include "gamut/train/checkpoint.h"
#include "gamut/train/ema.h"
#include "gamut/train/learning_rate_schedule.h"
#include "gamut/train/optimizer.h"

#include <cstdint>
#include <string>

namespace gamut::train {

// [rollout] of a recipe: the geometry of one iteration.
struct RolloutConfig {
  std::string prompts = "", variants = "";
  int64_t prompts_per_iteration = 0;  // 0 = 4, or all of a smaller set
  int64_t group_size = 16;
  int64_t micro_batch = 0;  // 0 = as large as model, pictures and updates allow (batch_plan.h)
  int64_t updates = 1;
  double guidance_scale = 1.0;
  int64_t height = 0, width = 0;  // of the pictures, in pixels; 0 = the model's own
  int64_t max_tokens = 0;         // of a prompt, for T5; 0 = the model's usual number
  int64_t base_samples = 32;      // per prompt, where something compares with the base's pictures
  void fields(FieldVisitor& v);
};

// [guard] of a recipe: when to skip and when to stop.
struct GuardConfig {
  double ratio_tolerance = 0.0;
  std::string on_nonfinite = "skip";  // skip | stop
  std::string on_spike = "skip";      // skip | stop | ignore
  double spike_factor = 20.0;
  int64_t max_skips = 10;
  std::string on_reward_failure = "drop";  // drop | stop
  void fields(FieldVisitor& v);
};

// [train] of a recipe: how an update is computed; what it computes does not depend on it.
struct UpdateConfig {
  bool reuse_rollout_graph = false;
  bool shard_optimizer = true;
  void fields(FieldVisitor& v);
};

struct TrainConfig {
  std::string algorithm = "flow_grpo";
  std::string model = "";
  std::string device = "cpu";
  std::string dtype = "fp32";
  std::string mixed_precision = "no";  // no | bf16
  std::string base_weights = "dtype";  // dtype | int8
  bool gradient_checkpointing = false;
  int64_t seed = 1;
  int64_t iterations = 200;
  RolloutConfig rollout;
  UpdateConfig train;
  algorithms::Slots slots;
  nn::LoraConfig lora;
  OptimizerConfig optimizer;
  LearningRateSchedule lr_schedule;
  EmaConfig ema;
  CheckpointConfig checkpoint;
  GuardConfig guard;
  comm::CommConfig comm;
  // [[regularizer.gate_rewards]]: tables with the keys of [reward], in place of names there.
  std::vector<rewards::RewardConfig> gate_tables = {};
  rewards::RewardConfig gate_defaults =
      {};  // what names are configured by; no key of its own: the recipe's [reward]
  void fields(FieldVisitor& v);
  // Whether several processes divide the state of optimizer and average (shards.h). Of an adapter it is
  // small.
  bool divides_state() const { return train.shard_optimizer && !lora.is_on(); }
};

}  // namespace gamut::train
