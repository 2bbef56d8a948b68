// SPDX-License-Identifier: Apache-2.0
// The model that a recipe asks for.
#pragma once

#include "gamut/models/pipeline.h"
#include "gamut/train/config.h"

#include <string>

namespace gamut::train {

// Opens config.model, or `folder` if given, on the recipe's device, in its type, for pictures of its size.
models::Pipeline open_policy(const TrainConfig& config, const std::string& folder = "");

}  // namespace gamut::train
