// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/winograd.h"

#include "gamut/nn/kernels/lanes.h"
#include "gamut/nn/kernels/matrix.h"
#include "gamut/nn/kernels/weight_gradient.h"

namespace gamut::nn::kernels::GAMUT_PATH {

// This path's own.
decltype(kernels::multiply) multiply;
decltype(kernels::weight_gradient_tiles) weight_gradient_tiles;
decltype(kernels::add_weight_gradient) add_weight_gradient;

namespace {

// Worked on at a time: what one step writes, the next finds in the cache. Forward a multiple of every path's
// rows of a product; sums of a gradient would rather be long.
constexpr int64_t kTilesPerBlock = 24, kTilesPerSum = 64;

// From one place of a block to the next.
GAMUT_INLINE int64_t place_stride(int64_t channels) { return kTilesPerSum * channels + kTileGap; }

GAMUT_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
GAMUT_INLINE int64_t larger(int64_t a, int64_t b) { return a < b ? b : a; }

// A tile's four or two numbers along one axis.
struct Four {
  Floats at[4];
};
struct Three {
  Floats at[3];
};
struct Two {
  Floats at[2];
};

// B^T d, of the input.
GAMUT_INLINE Four turn_input(Floats a, Floats b, Floats c, Floats d) {
  return {{a - c, b + c, c - b, b - d}};
}
// A^T m, to the output.
GAMUT_INLINE Two turn_back(Floats a, Floats b, Floats c, Floats d) { return {{a + b + c, b - c - d}}; }
// A y, of the output's gradient.
GAMUT_INLINE Four turn_gradient(Floats a, Floats b) { return {{a, a + b, a - b, -b}}; }
// G g, of the weights.
GAMUT_INLINE Four turn_weights(Floats a, Floats b, Floats c) {
  const Floats half_sum = (a + c) * 0.5F, half = b * 0.5F;
  return {{a, half_sum + half, half_sum - half, c}};
}
// G^T u, to the gradient of the weights.
GAMUT_INLINE Three turn_back_weights(Floats a, Floats b, Floats c, Floats d) {
  return {{a + (b + c) * 0.5F, (b - c) * 0.5F, (b + c) * 0.5F + d}};
}

// Where the numbers of a tile's places lie: outside the picture at zeros.
template <int64_t kSide>
struct Places {
  const float* at[kSide * kSide];
};

struct Tile {
  int64_t image, top, left;  // the first of its 2x2 outputs
};

GAMUT_INLINE Tile tile_at(const TiledShape& shape, int64_t index) {
  const int64_t columns = (shape.width + 1) / 2, rows = (shape.height + 1) / 2;
  return {index / (rows * columns), index / columns % rows * 2, index % columns * 2};
}

// kSide x kSide pixels of `channels` numbers from (top, left) on.
template <int64_t kSide>
GAMUT_INLINE Places<kSide> places(const TiledShape& shape, Tile tile, int64_t top, int64_t left,
                                  const float* pixels, int64_t channels, const float* zeros) {
  Places<kSide> result;
  for (int64_t i = 0; i < kSide; ++i) {
    for (int64_t j = 0; j < kSide; ++j) {
      const int64_t y = top + i, x = left + j;
      const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
      result.at[i * kSide + j] =
          inside ? pixels + ((tile.image * shape.height + y) * shape.width + x) * channels : zeros;
    }
  }
  return result;
}

// Transformed inputs of one tile: to[place * stride + channel].
GAMUT_INLINE void transform_input(const TiledShape& shape, const float* x, int64_t index, const float* zeros,
                                  float* to, int64_t stride) {
  const Tile tile = tile_at(shape, index);
  const Places<4> from = places<4>(shape, tile, tile.top - 1, tile.left - 1, x, shape.in, zeros);
  for (int64_t c = 0; c < shape.in; c += kLanes) {
    Four down[4];  // by column
    for (int64_t j = 0; j < 4; ++j) {
      down[j] = turn_input(load(from.at[j] + c), load(from.at[4 + j] + c), load(from.at[8 + j] + c),
                           load(from.at[12 + j] + c));
    }
    for (int64_t i = 0; i < 4; ++i) {
      const Four row = turn_input(down[0].at[i], down[1].at[i], down[2].at[i], down[3].at[i]);
      for (int64_t j = 0; j < 4; ++j) {
        store(to + (i * 4 + j) * stride + c, row.at[j]);
      }
    }
  }
}

// Transformed gradients of one tile's outputs: to[place * stride + channel].
GAMUT_INLINE void transform_gradient(const TiledShape& shape, const float* grad_y, int64_t index,
                                     const float* zeros, float* to, int64_t stride) {
  const Tile tile = tile_at(shape, index);
  const Places<2> from = places<2>(shape, tile, tile.top, tile.left, grad_y, shape.out, zeros);
  for (int64_t c = 0; c < shape.out; c += kLanes) {
    const Four left = turn_gradient(load(from.at[0] + c), load(from.at[2] + c));
    const Four right = turn_gradient(load(from.at[1] + c), load(from.at[3] + c));
    for (int64_t i = 0; i < 4; ++i) {
      const Four row = turn_gradient(left.at[i], right.at[i]);
      for (int64_t j = 0; j < 4; ++j) {
        store(to + (i * 4 + j) * stride + c, row.at[j]);
      }
    }
  }
}

// One tile's outputs from its products, from[place * stride + channel].
GAMUT_INLINE void transform_output(const TiledShape& shape, const float* from, int64_t stride,
                                   const float* bias, int64_t index, float* y) {
  const Tile tile = tile_at(shape, index);
  const bool lower = tile.top + 1 < shape.height, right = tile.left + 1 < shape.width;
  float* to = y + ((tile.image * shape.height + tile.top) * shape.width + tile.left) * shape.out;
  for (int64_t c = 0; c < shape.out; c += kLanes) {
    Two down[4];  // by column
    for (int64_t j = 0; j < 4; ++j) {
      down[j] = turn_back(load(from + j * stride + c), load(from + (4 + j) * stride + c),
                          load(from + (8 + j) * stride + c), load(from + (12 + j) * stride + c));
    }
    const Floats offset = bias ? load(bias + c) : Floats{};
    for (int64_t i = 0; i < (lower ? 2 : 1); ++i) {
      const Two row = turn_back(down[0].at[i], down[1].at[i], down[2].at[i], down[3].at[i]);
      float* line = to + i * shape.width * shape.out + c;
      store(line, row.at[0] + offset);
      if (right) store(line + shape.out, row.at[1] + offset);
    }
  }
}

// The parts of the scratch memory: transformed inputs and outputs of a block of tiles, and zeros.
struct Scratch {
  float *inputs, *outputs;
  const float* zeros;
};

GAMUT_INLINE Scratch parts(const TiledShape& shape, float* scratch) {
  float* outputs = scratch + kTilePlaces * place_stride(shape.in);
  float* zeros = outputs + kTilePlaces * place_stride(shape.out);
  for (int64_t c = 0; c < larger(shape.in, shape.out); ++c) {
    zeros[c] = 0;
  }
  return {scratch, outputs, zeros};
}

}  // namespace

int64_t tile_count(const TiledShape& shape) {
  return shape.batch * ((shape.height + 1) / 2) * ((shape.width + 1) / 2);
}

int64_t tile_scratch(const TiledShape& shape) {
  return kTilePlaces * (place_stride(shape.in) + place_stride(shape.out)) + larger(shape.in, shape.out);
}

void transform_tile_weights(const TiledShape& shape, const float* weights, bool reversed, float* to) {
  const int64_t in = shape.in, step = reversed ? -in : in;
  for (int64_t o = 0; o < shape.out; ++o) {
    const float* taps = weights + o * 9 * in + (reversed ? 8 * in : 0);
    for (int64_t c = 0; c < in; c += kLanes) {
      Four down[3];  // by column
      for (int64_t j = 0; j < 3; ++j) {
        const float* column = taps + c + j * step;
        down[j] = turn_weights(load(column), load(column + 3 * step), load(column + 6 * step));
      }
      for (int64_t i = 0; i < 4; ++i) {
        const Four row = turn_weights(down[0].at[i], down[1].at[i], down[2].at[i]);
        for (int64_t j = 0; j < 4; ++j) {
          store(to + (i * 4 + j) * (shape.out * in + kTileGap) + o * in + c, row.at[j]);
        }
      }
    }
  }
}

void convolve_tiles(const TiledShape& shape, const float* x, const float* packed, const float* bias,
                    int64_t begin, int64_t end, float* y, float* scratch) {
  const int64_t in = shape.in, out = shape.out;
  const Scratch block = parts(shape, scratch);
  for (int64_t first = begin; first < end; first += kTilesPerBlock) {
    const int64_t count = smaller(kTilesPerBlock, end - first);
    for (int64_t tile = 0; tile < count; ++tile) {
      transform_input(shape, x, first + tile, block.zeros, block.inputs + tile * in, place_stride(in));
    }
    for (int64_t place = 0; place < kTilePlaces; ++place) {
      const Product product{
          count,   in,     out, block.inputs + place * place_stride(in), packed + place * in * out,
          nullptr, nullptr};
      GAMUT_PATH::multiply(product, block.outputs + place * place_stride(out));
    }
    for (int64_t tile = 0; tile < count; ++tile) {
      transform_output(shape, block.outputs + tile * out, place_stride(out), bias, first + tile, y);
    }
  }
}

void add_tile_gradients(const TiledShape& shape, const float* x, const float* grad_y, int64_t begin,
                        int64_t end, float* sums, float* scratch) {
  const int64_t in = shape.in, out = shape.out;
  const Scratch block = parts(shape, scratch);
  for (int64_t first = begin; first < end; first += kTilesPerSum) {
    const int64_t count = smaller(kTilesPerSum, end - first);
    for (int64_t tile = 0; tile < count; ++tile) {
      transform_input(shape, x, first + tile, block.zeros, block.inputs + tile * in, place_stride(in));
      transform_gradient(shape, grad_y, first + tile, block.zeros, block.outputs + tile * out,
                         place_stride(out));
    }
    const ConvShape rows{1, 1, count, in, 1, count, out, 1, 1, 0};
    for (int64_t place = 0; place < kTilePlaces; ++place) {
      GAMUT_PATH::add_weight_gradient(rows, block.inputs + place * place_stride(in),
                                      block.outputs + place * place_stride(out), 0,
                                      GAMUT_PATH::weight_gradient_tiles(rows), sums + place * in * out);
    }
  }
}

void tile_gradients_to_weights(const TiledShape& shape, const float* sums, float* grad_weights) {
  const int64_t in = shape.in, stride = shape.in * shape.out;
  for (int64_t o = 0; o < shape.out; ++o) {
    for (int64_t c = 0; c < in; c += kLanes) {
      const float* from = sums + o * in + c;
      Three down[4];  // by column
      for (int64_t j = 0; j < 4; ++j) {
        down[j] = turn_back_weights(load(from + j * stride), load(from + (4 + j) * stride),
                                    load(from + (8 + j) * stride), load(from + (12 + j) * stride));
      }
      for (int64_t i = 0; i < 3; ++i) {
        const Three row = turn_back_weights(down[0].at[i], down[1].at[i], down[2].at[i], down[3].at[i]);
        for (int64_t j = 0; j < 3; ++j) {
          store(grad_weights + ((o * 3 + i) * 3 + j) * in + c, row.at[j]);
        }
      }
    }
  }
}

}  // namespace gamut::nn::kernels::GAMUT_PATH
