// SPDX-License-Identifier: Apache-2.0
// Stable Diffusion 1.x and 2.x, and gamut's own bases: a U-Net that attends to one CLIP text encoder's last
// state.
#pragma once

#include "gamut/models/families/family.h"

namespace gamut::models {

ModelFamily stable_diffusion();

}  // namespace gamut::models
