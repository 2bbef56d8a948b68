// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gamut/core/config.h"

namespace gamut::comm {

// [comm] of a recipe.
struct CommConfig {
  double timeout = 600;  // seconds
  void fields(FieldVisitor& v);
};

}  // namespace gamut::comm
