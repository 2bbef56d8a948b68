// SPDX-License-Identifier: Apache-2.0
// The loop of on-policy fine-tuning.
// An iteration reads: plan -> roll out -> score -> select, shape, credit -> other policies -> update.
//
//   Trainer trainer(config, Pipeline::open(config.model, …), *reward, prompts);
//   while (trainer.steps_done() < config.iterations) StepReport report = trainer.iterate();
//
// It writes no files but checkpoints on request, prints nothing and computes no formula.
//
// Several processes that train together have a trainer each, of the same recipe, weights and prompts, and
// call it alike. Each draws, scores and trains on its slice of the rows; scores, looks and gradients are put
// together, so that every process has the same report, weights and state after each iteration.
#pragma once

#include "gamut/comm/group.h"
#include "gamut/diffusion/noise_process.h"
#include "gamut/models/pipeline.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"
#include "gamut/algorithms/anchor_weight.h"
#include "gamut/train/actor.h"
#include "gamut/train/base_samples.h"
#include "gamut/train/batch_plan.h"
#include "gamut/train/chosen_rows.h"
#include "gamut/train/config.h"
#include "gamut/train/crediting.h"
#include "gamut/train/gate.h"
#include "gamut/train/group_record.h"
#include "gamut/train/guard.h"
#include "gamut/train/hooks.h"
#include "gamut/train/policy_set.h"
#include "gamut/train/report.h"
#include "gamut/train/scoring.h"
#include "gamut/train/shards.h"
#include "gamut/train/slices.h"
#include "gamut/train/update.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

namespace gamut::train {

class Trainer {
 public:
  // `hooks` must outlive the trainer.
  Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
          std::vector<text::Prompt> prompts, Hooks& hooks = Hooks::none());
  Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
          std::vector<text::Prompt> prompts, comm::Group& group);

  // One iteration. NumericalError as Guard says.
  StepReport iterate();

  // Every prompt of the set at once, which else are encoded when they are first drawn.
  void encode_prompts() const { actor_.encode_prompts(); }

  // Called once per iteration, after credit and before the update; it changes nothing.
  void observe_credit(CreditObserver observer) { credit_observer_ = std::move(observer); }

  // Encodes all prompts of training, and `evaluated`, lists as evaluations encode them, then frees the text
  // encoders where may_drop_text_encoders(); whether it did. No number moves.
  bool drop_text_encoders(const std::vector<std::vector<std::string>>& evaluated);

  int64_t steps_done() const { return steps_done_; }
  const BatchPlan& plan() const { return plan_; }
  models::Pipeline& policy() { return policy_; }
  // The averaged weights, to be borrowed for evaluation; after the last iteration with the last updates taken
  // in. This, save() and save_model() put together what several processes divide: all call them alike.
  std::vector<nn::NamedTensor> ema_weights() const {
    return steps_done_ >= config_.iterations ? ema_.final_weights(updates_done_) : ema_.weights();
  }
  const std::vector<nn::NamedTensor>& params() const { return params_; }

  // The averaged policy as others load it: a model folder, or with [lora] the adapter alone, in diffusers'
  // form. Warns when it is the base. Rank 0 writes it.
  void save_model(const std::filesystem::path& folder);
  void save(const std::filesystem::path& run);  // a checkpoint, which rank 0 writes
  void resume(const std::filesystem::path& checkpoint);

 private:
  Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
          std::vector<text::Prompt> prompts, Hooks& hooks, comm::Group* group);
  Drawn roll_out(const UpdateInputs& inputs);
  rewards::Scores score(const Drawn& drawn, StepReport& report);
  RowCredit assign_credit(const Drawn& drawn, const rewards::Scores& scores, const UpdateInputs& inputs,
                          StepReport& report);
  std::vector<ChosenRows> choose_rows(std::vector<Rollout> drawn, const RowCredit& credit,
                                      const std::vector<uint8_t>& regularized, StepReport& report);
  std::vector<MicroBatch> make_batches(std::vector<ChosenRows> chosen, const UpdateInputs& inputs);
  void draw_base();
  void follow_variety(const std::vector<Rollout>& drawn, UpdateInputs& inputs, StepReport& report);
  CheckpointParts parts();
  void restore(const nlohmann::json& state);
  void warn_of_base(bool unchanged) const;
  void update(std::vector<MicroBatch>& batches, const UpdateInputs& inputs, StepReport& report);

  Hooks& hooks_;
  std::unique_ptr<comm::Group> own_group_;  // where nobody gave one
  comm::Group& group_;
  TrainConfig config_;
  models::Pipeline policy_;
  rewards::Reward& reward_;
  Scoring scoring_;
  std::vector<text::Prompt> prompts_;
  diffusion::NoiseProcess process_;
  std::unique_ptr<algorithms::Objective> objective_;
  BatchPlan plan_;
  Slices slices_;
  DrawnRows drawn_rows_;  // of the iteration that goes on
  std::vector<nn::NamedTensor> params_;
  Shards shards_;  // of the state of the next two
  AdamW optimizer_;
  Ema ema_;
  Guard guard_;
  Actor actor_;
  Crediting crediting_;
  Gate gate_;
  PolicySet policies_;
  algorithms::AnchorWeight anchor_;
  std::optional<BaseSamples> base_;      // before the first iteration, where something asks for them
  std::optional<PictureBuffer> buffer_;  // objective.buffer
  CreditObserver credit_observer_;
  int64_t steps_done_ = 0, updates_done_ = 0;
};

}  // namespace gamut::train
