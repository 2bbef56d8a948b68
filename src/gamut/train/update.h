// SPDX-License-Identifier: Apache-2.0
// One optimizer step: what the objective asks of the network on each micro-batch, its loss, the regularizer's
// distance.
//
// Left out of the textbook: no value network (the group is the baseline), no entropy bonus, no reward
// discount (one reward per picture, the same advantage at each of its items).
#pragma once

#include "gamut/algorithms/algorithm.h"
#include "gamut/comm/group.h"
#include "gamut/diffusion/forward_process.h"
#include "gamut/diffusion/rollout.h"
#include "gamut/train/config.h"
#include "gamut/train/optimizer.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <vector>

namespace gamut::train {

class Hooks;

// One micro-batch of rollouts with its credit; rows as in the rollout, so that the network sees the same
// batch again.
struct MicroBatch : algorithms::CreditedRows {
  int64_t update = 0;                  // of the iteration's optimizer steps, which one trains it
  diffusion::Denoiser denoiser;        // the policy on this micro-batch's conditioning
  diffusion::PointDenoiser at_points;  // the same at times of the forward process
  // What other policies say, by TrainItem::index: made before the update, since it depends on no weight that
  // moves in it.
  std::map<int64_t, algorithms::Predictions> others;
  // The regularizer sees these rows (int64; undefined: all rows, by weights_B) at the items that have a
  // reference.
  at::Tensor regularized;
};

struct UpdateInputs {
  const algorithms::IterationSteps& steps;
  const algorithms::Objective& objective;
  double anchor = 1;  // factor of regularizer.weight in this iteration (AnchorWeight)
};

// Means over trained samples and items. All are over the micro-batches given, those of all processes
// together.
struct UpdateReport {
  double loss = 0, kl = 0, approx_kl = 0, clip_fraction = 0, ratio_max_deviation = 0, grad_norm = 0;
  int64_t trained = 0;      // samples in the loss; 0: nothing to learn from, no gradient
  int64_t regularized = 0;  // samples in the regularizer
  bool finite = true;       // loss and gradient norm
};

// Over the whole update, so that micro-batches never change the result.
struct UpdateTerms {
  double policy = 1, regularizer = 1;  // samples x items of each
};
// The policy's output at an item. Where the rollout kept a step's graph, that graph is used, and used up;
// else the network runs again.
at::Tensor predict(const MicroBatch& batch, const algorithms::TrainItem& item);
// Adds the gradient of (loss sum / terms.policy + regularizer.weight distance / terms.regularizer) to the
// parameters'. Waits for no device and reads no value; the sums it returns have no graph.
algorithms::LossTerms accumulate_item(const MicroBatch& batch, const UpdateInputs& inputs,
                                      const algorithms::TrainItem& item, const UpdateTerms& terms);

// Accumulates the gradient of
//   (1 / (samples * items)) sum loss + regularizer.weight (1 / (regularized samples * items)) sum distance
// over all micro-batches and their items into the parameters. The caller decides on the optimizer's step.
// A process of a group gives its own micro-batches, maybe none, and gets the gradient over all processes'
// ones.
UpdateReport accumulate_gradient(const std::vector<MicroBatch*>& micro_batches, const UpdateInputs& inputs,
                                 AdamW& optimizer, Hooks& hooks, comm::Group& group);
UpdateReport accumulate_gradient(const std::vector<MicroBatch*>& micro_batches, const UpdateInputs& inputs,
                                 AdamW& optimizer);  // of one process, without hooks

}  // namespace gamut::train
