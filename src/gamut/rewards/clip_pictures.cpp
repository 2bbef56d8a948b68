// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/clip_pictures.h"

#include "gamut/models/hub.h"
#include "gamut/rewards/picture_batches.h"

#include <ATen/ATen.h>

namespace gamut::rewards {

ClipPictures::ClipPictures(const std::string& name, const Compute& compute)
    : clip_(models::Clip::open(models::find_network(name), compute.where)), batch_(compute.batch) {}

at::Tensor ClipPictures::embed(const at::Tensor& pictures) const {
  return in_batches(pictures, batch_, clip_.config().projection_dim,
                    [&](const at::Tensor& part) { return clip_.image_embeddings(clip_.preprocess(part)); });
}

}  // namespace gamut::rewards
