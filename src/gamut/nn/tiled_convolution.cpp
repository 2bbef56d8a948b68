// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/tiled_convolution.h"

#include "gamut/nn/kernels/matrix.h"
#include "gamut/nn/kernels/winograd.h"
#include "gamut/nn/row_tasks.h"

#include <bit>

namespace gamut::nn {
namespace {

using at::Tensor;
using kernels::TiledShape;

constexpr auto kLayout = at::MemoryFormat::ChannelsLast;

// Beyond this the transformed weights, two megabytes of them, leave the cache.
constexpr int64_t kMaxWeights = 128 * 256;
// A slice of the weights' gradient has at least so many tiles, that it outweighs the sum over slices.
constexpr int64_t kTilesPerSlice = 192;

// A power of two, which threads share evenly.
int64_t slices_of(int64_t tiles) {
  return static_cast<int64_t>(
      std::bit_floor(static_cast<uint64_t>(std::clamp<int64_t>(tiles / kTilesPerSlice, 1, kRowSlices))));
}

TiledShape shape_of(const Tensor& x, int64_t in, int64_t out) {
  return {x.size(0), x.size(2), x.size(3), in, out};
}

// The transformed weights, packed: 16 matrices [in, out], or, of the taps in reverse, [out, in].
Tensor packed_weights(const TiledShape& shape, const Tensor& weight, bool reversed) {
  const Tensor dense = weight.contiguous(kLayout);
  const int64_t in = shape.in, out = shape.out;
  const Tensor plain = at::empty({kernels::kTilePlaces, out * in + kernels::kTileGap}, weight.options()),
               packed = at::empty({kernels::kTilePlaces, out * in}, weight.options());
  float *from = plain.mutable_data_ptr<float>(), *to = packed.mutable_data_ptr<float>();
  kernels::transform_tile_weights(shape, dense.const_data_ptr<float>(), reversed, from);
  at::parallel_for(0, kernels::kTilePlaces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t place = begin; place < end; ++place) {
      const float* matrix = from + place * plain.stride(0);
      kernels::pack(reversed ? kernels::SmallMatrix{out, in, matrix, in, 1}
                             : kernels::SmallMatrix{in, out, matrix, 1, in},
                    to + place * in * out);
    }
  });
  return packed;
}

Tensor by_tiles(const TiledShape& shape, const Tensor& x, const Tensor& packed, const float* bias) {
  const Tensor y = at::empty({shape.batch, shape.out, shape.height, shape.width}, x.options(), kLayout);
  const float *from = x.const_data_ptr<float>(), *weights = packed.const_data_ptr<float>();
  float* to = y.mutable_data_ptr<float>();
  at::parallel_for(0, kernels::tile_count(shape), kRowsPerChunk, [&](int64_t begin, int64_t end) {
    const Tensor scratch = at::empty({kernels::tile_scratch(shape)}, at::kFloat);
    kernels::convolve_tiles(shape, from, weights, bias, begin, end, to, scratch.mutable_data_ptr<float>());
  });
  return y;
}

}  // namespace

bool fits_tiles(const Tensor& weight, const ConvGeometry& geometry) {
  const int64_t out = weight.size(0), in = weight.size(1);
  return weight.size(2) == 3 && weight.size(3) == 3 && geometry.stride == 1 && geometry.padding == 1 &&
         in % kernels::kColumnMultiple == 0 && out % kernels::kColumnMultiple == 0 && in * out <= kMaxWeights;
}

Tensor convolve_tiles(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  const TiledShape shape = shape_of(x, weight.size(1), weight.size(0));
  const Tensor packed = packed_weights(shape, weight, false);
  return by_tiles(shape, x, packed, bias ? bias->const_data_ptr<float>() : nullptr);
}

Tensor tiled_input_gradient(const Tensor& grad_y, const Tensor& weight) {
  const TiledShape forward = shape_of(grad_y, weight.size(1), weight.size(0)),
                   back = shape_of(grad_y, weight.size(0), weight.size(1));
  return by_tiles(back, grad_y, packed_weights(forward, weight, true), nullptr);
}

Tensor tiled_weight_gradient(const Tensor& x, const Tensor& grad_y) {
  const TiledShape shape = shape_of(x, x.size(1), grad_y.size(1));
  const float *from = x.const_data_ptr<float>(), *incoming = grad_y.const_data_ptr<float>();
  const int64_t tiles = kernels::tile_count(shape);
  const Tensor sums = sum_over_rows(
      x.options(), tiles, kernels::kTilePlaces * shape.in * shape.out,
      [&](int64_t tile, int64_t count, float* own) {
        const Tensor scratch = at::empty({kernels::tile_scratch(shape)}, at::kFloat);
        kernels::add_tile_gradients(shape, from, incoming, tile, tile + count, own,
                                    scratch.mutable_data_ptr<float>());
      },
      slices_of(tiles));
  // Dense [out, 3, 3, in] memory seen as [out, in, 3, 3].
  const Tensor dense = at::empty({shape.out, 3, 3, shape.in}, x.options());
  kernels::tile_gradients_to_weights(shape, sums.const_data_ptr<float>(), dense.mutable_data_ptr<float>());
  return dense.permute({0, 3, 1, 2});
}

}  // namespace gamut::nn
