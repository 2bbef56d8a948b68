// SPDX-License-Identifier: Apache-2.0
// A whole training run small enough for a test: a random network for 8x8 pictures, four prompts, a reward
// that looks at the pictures' red.
#pragma once

#include "gamut/nn/device.h"
#include "gamut/rewards/reward.h"
#include "gamut/train/policy.h"
#include "gamut/train/trainer.h"
#include "support/temp_folder.h"
#include "support/threads.h"
#include "support/tiny_model.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <map>

namespace gamut::train {

// Mean red of each picture. Keeps what it was shown; `disturb` may edit the scores.
class RedReward : public rewards::Reward {
 public:
  std::string name() const override { return "red"; }
  bool reads_text() const override { return true; }
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    seen = pictures.clone();
    asked.assign(prompts.begin(), prompts.end());
    rewards::Scores scores;
    for (int64_t b = 0; b < pictures.size(0); ++b) {
      scores.value.push_back(pictures[b][0].mean().item<double>());
      scores.exact.push_back(scores.value.back() > 0.5);
      scores.failure.emplace_back();
    }
    if (disturb) disturb(scores);
    return scores;
  }
  at::Tensor seen;
  std::vector<text::Prompt> asked;
  std::function<void(rewards::Scores&)> disturb;
};

inline std::vector<text::Prompt> tiny_prompts() {
  return {{"the digit 7", "7", {}}, {"the letter k", "k", {}}, {"digit 7", "7", {}}, {"k", "k", {}}};
}

inline TrainConfig tiny_config() {
  TrainConfig config;
  config.seed = 3;
  config.rollout.prompts_per_iteration = 2;
  config.rollout.group_size = 6;
  config.rollout.micro_batch = 4;
  config.slots = algorithms::fill_slots("flow_grpo");
  config.slots.sampler.steps = 4;
  config.slots.sampler.shift = 1;
  config.ema = {.decay = 0.9, .every = 2};
  config.optimizer.learning_rate = 2e-3;
  return config;
}

// The slots of a named algorithm, cut down to four steps.
inline TrainConfig tiny_config(const std::string& algorithm) {
  TrainConfig config = tiny_config();
  config.slots = algorithms::fill_slots(algorithm);
  config.slots.sampler.steps = 4;
  config.slots.sampler.shift = 1;
  config.slots.schedule.count = 2;
  if (!config.slots.schedule.list.empty()) config.slots.schedule.list = {0, 1, 2};
  config.slots.shaping.features.kind = "pixels";  // no CLIP folder is at hand
  config.slots.regularizer.pool = std::min<int64_t>(config.slots.regularizer.pool, 4);  // the latent is 4 x 4
  if (config.slots.sampler.window > 0) config.slots.sampler.window = 2;
  config.slots.sampler.window_overlap = 1;
  config.slots.sampler.window_range = {};
  return config;
}

inline bool all_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!at::equal(a[i], b[i])) return false;
  return a.size() == b.size();
}

// A trainer with all it refers to. Every tiny run starts from the same weights.
class TinyRun {
 public:
  explicit TinyRun(TrainConfig config, int threads = 1, Hooks& hooks = Hooks::none())
      : threads_(threads),
        config_(std::move(config)),
        policy_(make_policy()),
        trainer(config_, policy_, reward, tiny_prompts(), hooks) {}
  // One of the processes that train together.
  TinyRun(TrainConfig config, comm::Group& group, int threads = 1)
      : threads_(threads),
        config_(std::move(config)),
        policy_(make_policy()),
        trainer(config_, policy_, reward, tiny_prompts(), group) {}

  std::vector<StepReport> iterate(int64_t count) {
    std::vector<StepReport> reports;
    for (int64_t i = 0; i < count; ++i) reports.push_back(trainer.iterate());
    return reports;
  }
  std::vector<at::Tensor> weights() const {
    std::vector<at::Tensor> copies;
    for (const nn::NamedTensor& param : trainer.params()) copies.push_back(param.tensor.detach().clone());
    return copies;
  }

 private:
  // The folder on disk serves as the reference policy.
  models::Pipeline make_policy() {
    testing::write_tiny_model(folder_ / "configs");
    if (config_.slots.sampler.kind == "ddim") testing::make_ddim(folder_ / "configs");
    models::Pipeline made = models::Pipeline::create(
        folder_ / "configs", 5, nn::open_device(config_.device, config_.dtype, config_.mixed_precision));
    made.save(folder_ / "model");
    config_.model = (folder_ / "model").string();
    return config_.base_weights == "int8" ? open_policy(config_) : made;
  }
  testing::Threads threads_;
  testing::TempFolder folder_;
  TrainConfig config_;
  models::Pipeline policy_;

 public:
  RedReward reward;
  Trainer trainer;
};

}  // namespace gamut::train
