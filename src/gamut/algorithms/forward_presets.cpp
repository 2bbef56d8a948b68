// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/presets.h"

#include <string>

namespace gamut::algorithms::presets {
namespace {

// What the objectives on the forward process share: the deterministic sampler, and Flow-GRPO's advantages,
// zeros included.
Slots forward(const std::string& objective) {
  Slots slots = flow_grpo();
  slots.sampler.kind = "ode";
  slots.objective.kind = objective;
  slots.advantage.zero = "keep";
  slots.loss.kind = "none";
  return slots;
}

}  // namespace

// AWM (2509.25050) as Flow-Factory runs it: six draws per picture, the generalized Huber weight, the ratio
// clipped at 1e-5.
Slots awm() {
  Slots slots = forward("awm");
  slots.objective.draws = 6;
  slots.objective.times = "logit_normal";
  slots.objective.time_weight = "ghuber";
  slots.loss = {.kind = "ppo_clip", .clip_range = 1e-5};
  return slots;
}

// DiffusionNFT (2509.16117) as its public code runs SD3.5: no guidance, ten deterministic steps, trained at
// the levels of the first nine, a slow old policy, a weak distance to the base.
Slots nft() {
  Slots slots = forward("nft");
  slots.objective.draws = 9;
  slots.objective.times = "grid";
  slots.regularizer = {.kind = "kl_v", .weight = 1e-4};
  return slots;
}

// Reward-weighted matching with ORW-CFM-W2's bound (2502.06061): the reward itself is the weight, or (RAFT)
// which pictures are good enough.
Slots weighted_matching() {
  Slots slots = forward("weighted_matching");
  slots.objective.draws = 4;
  slots.objective.weighting = "exp";
  slots.objective.temperature = 0.2;
  slots.advantage.kind = "reward";
  slots.regularizer = {.kind = "kl_v",
                       .weight = 100.0};  // of the weights' size: exp(r / 0.2) is 148 at r = 1
  return slots;
}

Slots rwr() {
  Slots slots = weighted_matching();
  slots.objective.weighting = "reward";
  slots.regularizer.kind = "none";
  return slots;
}

Slots raft() {
  Slots slots = rwr();
  slots.objective.weighting = "threshold";
  return slots;
}

}  // namespace gamut::algorithms::presets
