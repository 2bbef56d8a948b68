// SPDX-License-Identifier: Apache-2.0
// Convolutions 3x3 of stride 1 and padding 1 with 16 products in place of 36: Winograd's F(2x2, 3x3), by
// Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (arXiv 1509.09308), sections 4.1 and 4.2.
// Channels-last, fp32; channels come in multiples of kColumnMultiple.
//
// A picture is cut into tiles of 2x2 outputs. The 4x4 inputs around one, transformed per channel, meet the
// transformed weights in 16 products of matrices, one per place of the tile. A tile is computed alone, in one
// order, whatever stands beside it.
#pragma once

#include <cstdint>

namespace gamut::nn::kernels {

constexpr int64_t kTilePlaces = 16;

// x [batch, height, width, in], y [batch, height, width, out].
struct TiledShape {
  int64_t batch = 1, height = 1, width = 1, in = 0, out = 0;
};

int64_t tile_count(const TiledShape& shape);
// Floats that convolve_tiles and add_tile_gradients need beside their results.
int64_t tile_scratch(const TiledShape& shape);

// Weights [out, 3, 3, in] as 16 matrices [out, in], kTileGap floats between them: powers of two apart they
// would all fall on the same few sets of the cache. Of the taps in reverse, for the gradient of the input.
constexpr int64_t kTileGap = 16;
void transform_tile_weights(const TiledShape& shape, const float* weights, bool reversed, float* to);

// y of tiles begin … end-1; `packed` are the 16 matrices, [in, out] and packed for `multiply`, bias [out] or
// null.
void convolve_tiles(const TiledShape& shape, const float* x, const float* packed, const float* bias,
                    int64_t begin, int64_t end, float* y, float* scratch);

// Adds what tiles begin … end-1 give to `sums` [16, out, in], the gradient of the transformed weights.
void add_tile_gradients(const TiledShape& shape, const float* x, const float* grad_y, int64_t begin,
                        int64_t end, float* sums, float* scratch);
// The gradient of weights [out, 3, 3, in] that belongs to `sums`.
void tile_gradients_to_weights(const TiledShape& shape, const float* sums, float* grad_weights);

}  // namespace gamut::nn::kernels
