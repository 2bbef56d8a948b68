// SPDX-License-Identifier: Apache-2.0
// The reward `clip_score`: cosine of a CLIP's embeddings of picture and prompt, -1 … 1. For OpenAI's models,
// whose logit scale is 100, this is the logit / 100 of other programs.
#pragma once

#include "gamut/rewards/reward.h"

#include <filesystem>
#include <memory>

namespace gamut::rewards {

// A cosine reads nothing, so no picture counts as exact: that is always 0. Failure: "non-finite picture".
// EnvironmentError and DataError as models::Clip::open.
std::unique_ptr<Reward> make_clip_score(const std::filesystem::path& folder);

}  // namespace gamut::rewards
