// SPDX-License-Identifier: Apache-2.0
// A map of pictures to pictures of another size, computed on overlapping tiles that are blended into one
// another: diffusers' tiled_encode and tiled_decode.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace gamut::models {

// Sides of a tile before and after the map: 64 and 512 for Stable Diffusion's decoder. Tiles overlap by a
// quarter.
struct TileGeometry {
  int64_t from = 0, to = 0;
};

// x [B, C, H, W]; tiles at the right and the bottom may be smaller.
at::Tensor map_tiles(const at::Tensor& x, const TileGeometry& tile,
                     const std::function<at::Tensor(const at::Tensor&)>& map);

}  // namespace gamut::models
