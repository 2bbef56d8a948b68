// SPDX-License-Identifier: Apache-2.0
// One optimizer step of policy-gradient fine-tuning, on stored trajectories.
//
// Left out of the textbook: no value network (the group is the baseline), no entropy bonus, no reward discount (one
// reward per picture, the same advantage at each of its denoising steps).
#pragma once

#include "gamut/algorithms/algorithm.h"
#include "gamut/diffusion/rollout.h"
#include "gamut/train/config.h"
#include "gamut/train/optimizer.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace gamut::train {

// One micro-batch of rollouts with its credit; rows as in the rollout, so that the network sees the same batch again.
struct MicroBatch {
  diffusion::Trajectories trajectories;
  diffusion::Denoiser denoiser;               // the policy on this micro-batch's conditioning
  at::Tensor advantages_B, weights_B;         // fp32; weight 1 = trained, 0 = left out
  std::vector<at::Tensor> step_advantages;    // one [B] per denoising step; empty: advantages_B at every step
  // The regularizer sees the rows `regularized` (int64; undefined: all rows, by weights_B) on the steps that have a
  // reference: the reference policy's mean at the stored latents of those rows.
  at::Tensor regularized;
  std::map<int64_t, at::Tensor> reference;
};

struct UpdateInputs {
  const std::vector<diffusion::Step>& schedule;
  const std::vector<int64_t>& trained_steps;
  const algorithms::Slots& slots;
};

// Means over trained samples and steps. All are over the micro-batches given.
struct UpdateReport {
  double loss = 0, kl = 0, approx_kl = 0, clip_fraction = 0, ratio_max_deviation = 0, grad_norm = 0;
  int64_t trained = 0;      // samples in the loss; 0: nothing to learn from, no gradient
  int64_t regularized = 0;  // samples in the regularizer
  bool finite = true;       // loss and gradient norm
};

// What one micro-batch brings at one trained step, as sums over its samples.
struct StepTerms {
  algorithms::LossTerms policy;
  at::Tensor distance;  // of the regularizer; undefined where the step has no reference
};
// Over the whole update, so that micro-batches never change the result.
struct UpdateTerms {
  double policy = 1, regularizer = 1;  // samples x steps of each
};
// Where the rollout kept a step's graph, that graph is used, and used up; else the network runs again.
// Adds the gradient of (loss sum / terms.policy + regularizer.weight distance / terms.regularizer) to the parameters'.
// Waits for no device and reads no value.
StepTerms accumulate_step(const MicroBatch& batch, const UpdateInputs& inputs, int64_t step, const UpdateTerms& terms);

// Accumulates the gradient of
//   (1 / (samples steps)) sum surrogate + regularizer.weight (1 / (regularized samples * steps)) sum regularizer
// over all micro-batches and trained steps into the parameters. The caller decides on the optimizer's step.
UpdateReport accumulate_gradient(const std::vector<MicroBatch*>& micro_batches, const UpdateInputs& inputs,
                                 const AdamW& optimizer);

}  // namespace gamut::train
