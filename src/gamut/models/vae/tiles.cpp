// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vae/tiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace gamut::models {
namespace {

// Fades the end of `before` into the start of `tile` along `dim`, in place: pixel i of the blended zone of n
// pixels becomes before (1 - i/n) + tile i/n.
void blend(const at::Tensor& before, const at::Tensor& tile, int64_t dim, int64_t zone) {
  const int64_t n = std::min({before.size(dim), tile.size(dim), zone});
  if (n == 0) return;
  at::Tensor share = at::arange(n, tile.options()) / double(n);
  share = dim == 2 ? share.view({1, 1, n, 1}) : share.view({1, 1, 1, n});
  at::Tensor start = tile.narrow(dim, 0, n);
  start.copy_(before.narrow(dim, before.size(dim) - n, n) * (1 - share) + start * share);
}

at::Tensor head(const at::Tensor& x, int64_t size) {
  return x.narrow(2, 0, std::min(size, x.size(2))).narrow(3, 0, std::min(size, x.size(3)));
}

}  // namespace

at::Tensor map_tiles(const at::Tensor& x, const TileGeometry& tile,
                     const std::function<at::Tensor(const at::Tensor&)>& map) {
  const int64_t stride = std::max<int64_t>(1, tile.from * 3 / 4), zone = tile.to / 4, kept = tile.to - zone;
  std::vector<at::Tensor> above, rows;
  for (int64_t top = 0; top < x.size(2); top += stride) {
    std::vector<at::Tensor> row, parts;
    for (int64_t left = 0; left < x.size(3); left += stride) {
      const at::Tensor part = x.narrow(2, top, std::min(tile.from, x.size(2) - top))
                                  .narrow(3, left, std::min(tile.from, x.size(3) - left));
      row.push_back(map(part).contiguous());
      if (top > 0) blend(above[row.size() - 1], row.back(), 2, zone);
      if (left > 0) blend(row[row.size() - 2], row.back(), 3, zone);
      parts.push_back(head(row.back(), kept));
    }
    rows.push_back(at::cat(parts, 3));
    above = std::move(row);
  }
  return at::cat(rows, 2);
}

}  // namespace gamut::models
