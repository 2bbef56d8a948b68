// SPDX-License-Identifier: Apache-2.0
// The reward `mix`: a weighted sum of the raw scores of others, as flow_grpo adds several rewards.
#pragma once

#include "gamut/rewards/reward.h"

#include <memory>
#include <vector>

namespace gamut::rewards {

struct MixPart {
  double weight = 1;
  std::unique_ptr<Reward> reward;
};

// value: Σ weight · value of the part. exact: at least one part read the target exactly. A picture that one
// part could not score has failed ("<part>: why"): the sum of the others would be another reward.
// Scores::parts holds each part.
std::unique_ptr<Reward> make_mix(std::vector<MixPart> parts);

}  // namespace gamut::rewards
