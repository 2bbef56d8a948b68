// SPDX-License-Identifier: Apache-2.0
// Every set of weights that an objective or a regularizer asks for, by name, and nothing that none asks for:
//
// - current: what trains
// - old: the behavior policy, which drew the pictures: the current one, or one that follows it slowly (nft)
// - average: the moving average of [ema]
// - base: as the run began
// - periodic: a copy of the current one, renewed from time to time (GARDO)
//
// With [lora] all of them are the policy's own network, its adapter switched off or holding other values for
// the moment; else the regularizer's policy has a network of its own, so that graphs of the policy's may live
// beside its work.
#pragma once

#include "gamut/models/pipeline.h"
#include "gamut/train/actor.h"
#include "gamut/train/config.h"
#include "gamut/train/ema.h"
#include "gamut/train/update.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gamut::train {

class PolicySet {
 public:
  // `trained`: the current policy's tensors; `policy` must outlive the set. Opens the denoiser of
  // config.model again when all weights train and the regularizer is on.
  PolicySet(const TrainConfig& config, const models::Pipeline& policy,
            const std::vector<nn::NamedTensor>& trained, const algorithms::Needs& needs);

  // The network with a policy's weights while this lives. A policy that the set does not hold apart is the
  // current one.
  class Use {
   public:
    Use(const PolicySet& set, algorithms::Policy name);
    const models::Pipeline& network() const { return network_; }

   private:
    const models::Pipeline& network_;
    std::optional<nn::AdaptersOff> base_;
    std::optional<BorrowedWeights> borrowed_;
  };
  Use use(algorithms::Policy name) const { return Use(*this, name); }

  bool follows_average() const { return held_.contains(algorithms::Policy::kAverage); }
  // Before predictions are made: the average as it stands now.
  void follow_average(const std::vector<nn::NamedTensor>& average);
  // What the other policies say at the items of these rows, for the update: the regularizer's on the marked
  // rows, the old one's where it is asked for. No weight that the update moves has a part in it, so one pass
  // serves every update of the iteration. `marked`: per row of the batch.
  void add_predictions(MicroBatch& batch, const std::vector<SampleRow>& rows,
                       const std::vector<uint8_t>& marked, const Actor& actor,
                       const UpdateInputs& inputs) const;
  // After an iteration's updates: periodic takes over the current policy when due (true if it did), and old
  // follows.
  bool renew(double kl);
  void age_old(int64_t updates_done);

  // For the checkpoint: the weights that no other file holds, by file name without its ending.
  std::map<std::string, std::vector<nn::NamedTensor>> stored() const;
  int64_t since_renewal() const { return since_renewal_; }
  void set_since_renewal(int64_t iterations) { since_renewal_ = iterations; }

 private:
  void add_reference(MicroBatch& batch, const std::vector<SampleRow>& rows,
                     const std::vector<uint8_t>& marked, const Actor& actor,
                     const UpdateInputs& inputs) const;
  void add_old(MicroBatch& batch, const std::vector<SampleRow>& rows, const Actor& actor,
               const UpdateInputs& inputs) const;

  algorithms::RegularizerConfig regularizer_;
  algorithms::ObjectiveConfig objective_;
  bool asks_old_;        // in the update, before weights move
  bool shares_network_;  // [lora]
  const models::Pipeline& policy_;
  std::vector<nn::NamedTensor> trained_;
  std::optional<models::Pipeline> second_;  // the regularizer's own network
  std::map<algorithms::Policy, std::vector<nn::NamedTensor>> held_;
  int64_t since_renewal_ = 0;
};

}  // namespace gamut::train
