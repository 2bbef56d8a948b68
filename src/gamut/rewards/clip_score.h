// SPDX-License-Identifier: Apache-2.0
// The rewards made of one CLIP's embeddings of picture and prompt:
//
//   clip_score  their cosine, -1 … 1. For OpenAI's models, whose logit scale is 100, this is the logit / 100
//               of other programs
//   pickscore   exp(logit scale) · cosine / 26, with PickScore_v1's weights (2305.01569), as flow_grpo;
//               about 0.8 … 0.9
//   hps         cosine with HPSv2.1's weights (2306.09341), as its package before it multiplies by 100;
//               about 0.2 … 0.3
#pragma once

#include "gamut/rewards/compute.h"
#include "gamut/rewards/reward.h"

#include <memory>
#include <string>

namespace gamut::rewards {

// A cosine reads nothing, so no picture counts as exact: that is always 0. Failure: "non-finite picture".
// model: as for ClipPictures. EnvironmentError and DataError as models::find_network and models::Clip::open.
std::unique_ptr<Reward> make_clip_score(const std::string& model, const Compute& compute = {});
std::unique_ptr<Reward> make_pickscore(const std::string& model, const Compute& compute = {});
std::unique_ptr<Reward> make_hps(const std::string& model, const Compute& compute = {});

}  // namespace gamut::rewards
