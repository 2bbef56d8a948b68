// SPDX-License-Identifier: Apache-2.0
// Where the weights of a pipeline's parts come from.
#pragma once

#include "gamut/nn/params.h"

#include <cstdint>
#include <optional>
#include <string>

namespace gamut::models {

struct PartSource {
  nn::ParamOptions params;       // of all parts, without int8
  std::optional<uint64_t> seed;  // draw the weights instead of reading them
  std::string variant;           // of the weight files
  bool int8 = false;             // of large() parts
  bool text = true;              // with the text encoders
  // Of the parts that take most room: the denoiser and T5.
  nn::ParamOptions large() const {
    nn::ParamOptions options = params;
    options.int8 = int8;
    return options;
  }
};

}  // namespace gamut::models
