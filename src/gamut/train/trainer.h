// SPDX-License-Identifier: Apache-2.0
// The loop of on-policy fine-tuning: plan -> roll out -> score -> credit -> update -> report.
//
//   Trainer trainer(config, Pipeline::open(config.model, …), *reward, prompts);
//   while (trainer.steps_done() < config.iterations) StepReport report = trainer.iterate();
//
// It writes no files but checkpoints on request, prints nothing and computes no formula.
#pragma once

#include "gamut/models/pipeline.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"
#include "gamut/train/batch_plan.h"
#include "gamut/train/config.h"
#include "gamut/train/guard.h"
#include "gamut/train/report.h"
#include "gamut/train/update.h"

#include <filesystem>
#include <memory>
#include <vector>

namespace gamut::train {

class Trainer {
 public:
  Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
          std::vector<text::Prompt> prompts);

  // One iteration. NumericalError as Guard says.
  StepReport iterate();

  int64_t steps_done() const { return steps_done_; }
  const BatchPlan& plan() const { return plan_; }
  const std::vector<diffusion::Step>& schedule() const { return schedule_; }
  models::Pipeline& policy() { return policy_; }
  // The averaged weights, to be borrowed for evaluation.
  std::vector<nn::NamedTensor> ema_weights() const { return ema_.weights(); }
  const std::vector<nn::NamedTensor>& params() const { return params_; }

  void save(const std::filesystem::path& run);
  void resume(const std::filesystem::path& checkpoint);

 private:
  std::vector<MicroBatch> roll_out(const std::vector<std::vector<SamplePlace>>& places,
                                   std::vector<at::Tensor>& pictures);
  rewards::Scores score(const std::vector<std::vector<SamplePlace>>& places,
                        const std::vector<at::Tensor>& pictures, StepReport& report);
  void assign_credit(const std::vector<std::vector<SamplePlace>>& places, const rewards::Scores& scores,
                     std::vector<MicroBatch>& batches, StepReport& report);
  void add_reference_means(std::vector<MicroBatch>& batches, const std::vector<std::vector<SamplePlace>>& places,
                           const std::vector<int64_t>& trained_steps);
  void update(std::vector<MicroBatch>& batches, const std::vector<int64_t>& trained_steps, StepReport& report);
  models::Conditioning conditioning(const models::Conditioning& all, const std::vector<SamplePlace>& places) const;

  TrainConfig config_;
  models::Pipeline policy_;
  std::unique_ptr<models::Pipeline> reference_;  // only when a regularizer needs it
  rewards::Reward& reward_;
  std::vector<text::Prompt> prompts_;
  BatchPlan plan_;
  std::vector<diffusion::Step> schedule_;
  models::Conditioning prompt_conditioning_;     // one row per prompt of the set; the text encoder is frozen
  models::Conditioning empty_conditioning_;      // one row, for guidance
  std::vector<nn::NamedTensor> params_;
  AdamW optimizer_;
  Ema ema_;
  Guard guard_;
  int64_t steps_done_ = 0, updates_done_ = 0;
};

}  // namespace gamut::train
