// SPDX-License-Identifier: Apache-2.0
// Pictures to CLIP embeddings, as rewards and features share it.
#pragma once

#include "gamut/models/clip/clip.h"
#include "gamut/rewards/compute.h"

#include <ATen/core/Tensor.h>

#include <string>

namespace gamut::rewards {

// A CLIP that sees `compute.batch` pictures at once. `name`: its folder, or ORG/NAME of the Hub in the local
// cache.
class ClipPictures {
 public:
  ClipPictures(const std::string& name, const Compute& compute);
  // [B, 3, H, W] in [0, 1], on any device -> [B, projection_dim] fp32 on the CPU, unit length, without
  // gradient; a row does not depend on the others. NaN in every entry for a picture that is not finite.
  at::Tensor embed(const at::Tensor& pictures) const;
  const models::Clip& clip() const { return clip_; }

 private:
  models::Clip clip_;
  int64_t batch_;
};

}  // namespace gamut::rewards
