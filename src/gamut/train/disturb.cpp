// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/disturb.h"

#include <ATen/ATen.h>

namespace gamut::train {
namespace {

using at::Tensor;

Tensor strength(int64_t count, double largest) { return at::rand({count, 1, 1, 1}) * largest; }

}  // namespace

void Disturbance::fields(FieldVisitor& v) {
  v.field("noise", noise, between(0, 1), "largest standard deviation of white noise");
  v.field("blur", blur, between(0, 1), "largest weight of the 3x3 mean");
  v.field("shade", shade, between(0, 1), "largest standard deviation of a smooth change of color");
  v.field("grid", grid, between(0, 1), "largest standard deviation of a pattern of period two pixels");
}

Tensor smooth_noise(int64_t count, int64_t cells, int64_t size) {
  return at::upsample_bilinear2d(at::randn({count, 3, cells, cells}), {size, size}, /*align_corners=*/true);
}

Tensor disturb(Tensor x_BCHW, const Disturbance& largest) {
  const int64_t count = x_BCHW.size(0), size = x_BCHW.size(2);
  const Tensor blurred = at::avg_pool2d(at::replication_pad2d(x_BCHW, {1, 1, 1, 1}), {3, 3}, {1, 1});
  x_BCHW = at::lerp(x_BCHW, blurred, strength(count, largest.blur));
  x_BCHW = x_BCHW + strength(count, largest.shade) * smooth_noise(count, 2, size);
  const Tensor cell = at::randn({count, 3, 2, 2}).repeat({1, 1, size / 2, size / 2});
  // The square makes undisturbed pictures as common as strongly disturbed ones are rare.
  x_BCHW = x_BCHW + strength(count, 1).square() * largest.grid * cell;
  x_BCHW = x_BCHW + strength(count, 1).square() * largest.noise * at::randn_like(x_BCHW);
  return x_BCHW.clamp(0, 1);
}

}  // namespace gamut::train
