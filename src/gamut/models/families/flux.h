// SPDX-License-Identifier: Apache-2.0
// FLUX.1 (dev and schnell): a transformer on T5's states and CLIP-L's pooled one.
#pragma once

#include "gamut/models/families/family.h"

namespace gamut::models {

ModelFamily flux();

}  // namespace gamut::models
