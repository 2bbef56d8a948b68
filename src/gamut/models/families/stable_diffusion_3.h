// SPDX-License-Identifier: Apache-2.0
// Stable Diffusion 3 and 3.5: a transformer on CLIP-L, CLIP-G and, where the folder has it, T5.
#pragma once

#include "gamut/models/families/family.h"

namespace gamut::models {

ModelFamily stable_diffusion_3();

}  // namespace gamut::models
