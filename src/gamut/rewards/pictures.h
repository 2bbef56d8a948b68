// SPDX-License-Identifier: Apache-2.0
// What all rewards do first: check the batch and mark the pictures that cannot be scored.
#pragma once

#include "gamut/rewards/reward.h"

#include <span>
#include <string>

namespace gamut::rewards {

// One entry per picture: value NaN, exact 0, failure "" or "non-finite picture". pictures [B, 3, H, W].
Scores start_scores(const at::Tensor& pictures, std::span<const text::Prompt> prompts);
void fail(Scores& scores, int64_t index, std::string why);
// The three planes of picture `index` of a contiguous fp32 CPU tensor [B, 3, H, W].
std::span<const float> plane_values(const at::Tensor& pictures, int64_t index);

}  // namespace gamut::rewards
