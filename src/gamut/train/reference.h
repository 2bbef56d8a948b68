// SPDX-License-Identifier: Apache-2.0
// The policy that a regularizer holds to: the base (frozen), the moving average (ema), or a copy of the policy that is
// renewed from time to time (periodic, GARDO). With [lora] it is the policy's own network, its adapter switched off
// (base) or holding other values for the moment, so that no second copy of the base exists.
#pragma once

#include "gamut/algorithms/uncertainty_gate.h"
#include "gamut/models/pipeline.h"
#include "gamut/rewards/reward.h"
#include "gamut/train/actor.h"
#include "gamut/train/config.h"
#include "gamut/train/update.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gamut::train {

class Reference {
 public:
  // Opens config.model again when the regularizer is on and all weights train. `trained`: the policy's tensors.
  Reference(const TrainConfig& config, const models::Pipeline& policy, const std::vector<nn::NamedTensor>& trained);
  bool is_on() const { return pipeline_.has_value(); }
  // DataError when the gate's rewards cannot score a prompt; `file`: where it stands.
  void check_prompts(const std::vector<text::Prompt>& prompts, const std::string& file) const;

  // reference = ema: takes over the averaged weights; called before means are made.
  void follow(const std::vector<nn::NamedTensor>& average);
  // Which rows are regularized, one mark per row drawn; all 1 unless gated_kl. Scores the auxiliary rewards.
  std::vector<uint8_t> gate(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts,
                            const rewards::Scores& main);
  // Means on the trained steps that carry weight. They depend on stored latents alone, so one pass serves every
  // update of the iteration. `marked`: per row of this batch.
  void add_means(MicroBatch& batch, const std::vector<SamplePlace>& rows, const std::vector<uint8_t>& marked,
                 const Actor& actor, const std::vector<diffusion::Step>& schedule,
                 const std::vector<int64_t>& trained_steps) const;
  // reference = periodic: takes over the policy when due; true if it did.
  bool renew(const std::vector<nn::NamedTensor>& policy, double kl);

  double gate_share() const { return gate_.share(); }
  // For the checkpoint; empty unless the weights move.
  std::vector<nn::NamedTensor> moving_weights() const;
  nlohmann::json state() const;
  void load_state(const nlohmann::json& state);

 private:
  algorithms::RegularizerConfig config_;
  bool shares_network_ = false;                 // with the policy: only the adapter differs
  std::optional<models::Pipeline> pipeline_;
  std::vector<nn::NamedTensor> trained_, held_; // the policy's tensors; the reference's values for them
  std::vector<std::unique_ptr<rewards::Reward>> auxiliaries_;
  algorithms::UncertaintyGate gate_;
  int64_t since_renewal_ = 0;
};

}  // namespace gamut::train
