// SPDX-License-Identifier: Apache-2.0
// objective.kind = weighted_matching: pretraining on the own pictures, weighted by their reward (RAFT,
// reward-weighted regression, ORW-CFM-W2, arXiv 2502.06061). With regularizer.kind = "kl_v" the Wasserstein-2
// distance to the base is bounded.
#pragma once

#include "gamut/algorithms/objective.h"

namespace gamut::algorithms {

enum class Weighting { kReward, kThreshold, kExp };
// w = max(r, 0) | 1 where r >= scale, else 0 | exp(r / scale), where r is what [advantage] makes of the
// reward. `scale`: the threshold or the temperature.
at::Tensor matching_weight(const at::Tensor& reward_B, Weighting weighting, double scale);

// Whether a picture has any weight, and so a place in objective.buffer.
bool has_weight(const ObjectiveConfig& config, double reward);

// ConfigError when weights would be advantages that lie around 0.
std::unique_ptr<Objective> make_weighted_matching(const Slots& slots, uint64_t seed);

}  // namespace gamut::algorithms
