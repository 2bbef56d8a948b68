// SPDX-License-Identifier: Apache-2.0
// Pictures to CLIP embeddings, as rewards and features share it.
#pragma once

#include "gamut/models/clip/clip.h"

#include <ATen/core/Tensor.h>

namespace gamut::rewards {

// [B, 3, H, W] in [0, 1] -> [B, projection_dim] fp32 on the CPU, unit length, without gradient; a row does
// not depend on the others. NaN in every entry for a picture that is not finite.
at::Tensor clip_picture_embeddings(const models::Clip& clip, const at::Tensor& pictures);

}  // namespace gamut::rewards
