// SPDX-License-Identifier: Apache-2.0
// The reward `aesthetic`: LAION's aesthetic predictor V2, a regression head on the picture's CLIP embedding
// of unit length. About 1 … 10, trained on people's ratings; 5 to 6 is usual for generated pictures.
#pragma once

#include "gamut/rewards/compute.h"
#include "gamut/rewards/reward.h"

#include <filesystem>
#include <memory>
#include <string>

namespace gamut::rewards {

// clip: the CLIP, as for ClipPictures, that the head was trained on (OpenAI's ViT-L/14). head: safetensors
// with layers.{0,2,4,6,7}.weight [out, in] and .bias [out], linear layers without an activation between them
// (dropout stood there in training); the widths are read from the file. `exact` is always 0. Failure:
// "non-finite picture". DataError: tensors that do not fit each other or the CLIP; else as
// models::Clip::open.
std::unique_ptr<Reward> make_aesthetic(const std::string& clip, const std::filesystem::path& head,
                                       const Compute& compute = {});

}  // namespace gamut::rewards
