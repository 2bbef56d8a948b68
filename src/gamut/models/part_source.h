// SPDX-License-Identifier: Apache-2.0
// Where the weights of a pipeline's parts come from.
#pragma once

#include "gamut/nn/params.h"

#include <cstdint>
#include <optional>
#include <string>

namespace gamut::models {

struct PartSource {
  nn::ParamOptions params;
  std::optional<uint64_t> seed;  // draw the weights instead of reading them
  std::string variant;           // of the weight files
};

}  // namespace gamut::models
