// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/weight_gradient.h"

#include "gamut/nn/kernels/lanes.h"

namespace gamut::nn::kernels {
namespace {

// A tile is kTileOut output channels by kTileIn input channels at one tap of the kernel; its sums stay in
// registers.
constexpr int64_t kTileOut = 8, kTileIn = 2 * kLanes;
// Pixels summed before they join the total: they fit the cache, and short sums round less.
constexpr int64_t kPixelsPerSum = 256;

struct Tile {
  int64_t out, in, tap_y, tap_x;
};

GAMUT_INLINE int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

GAMUT_INLINE Tile tile_at(const ConvShape& shape, int64_t index) {
  const int64_t columns = divide_up(shape.in_channels, kTileIn);
  Tile tile;
  tile.in = index % columns * kTileIn;
  index /= columns;
  tile.tap_x = index % shape.kernel;
  index /= shape.kernel;
  tile.tap_y = index % shape.kernel;
  tile.out = index / shape.kernel * kTileOut;
  return tile;
}

// first … last-1.
struct Span {
  int64_t first, last;
};
// Output positions along one axis whose input lies inside.
GAMUT_INLINE Span inside(const ConvShape& shape, int64_t tap, int64_t size, int64_t out_size) {
  const int64_t shift = shape.padding - tap;
  const int64_t first = shift > 0 ? divide_up(shift, shape.stride) : 0;
  const int64_t room = size - 1 + shift;
  const int64_t last = room < 0 ? 0 : room / shape.stride + 1;
  return {first, last < out_size ? last : out_size};
}

// Sums kOut x (kVectors * kLanes) products over a span of images and adds them to the tile.
template <int64_t kOut, int64_t kVectors>
GAMUT_INLINE void add_tile(const ConvShape& shape, const Tile& tile, const float* x, const float* grad_y,
                           Span images, float* grad_weight) {
  const Span rows = inside(shape, tile.tap_y, shape.height, shape.out_height);
  const Span columns = inside(shape, tile.tap_x, shape.width, shape.out_width);
  Floats sums[kOut][kVectors] = {};
  for (int64_t image = images.first; image < images.last; ++image) {
    for (int64_t row = rows.first; row < rows.last; ++row) {
      const int64_t y = row * shape.stride + tile.tap_y - shape.padding;
      const int64_t left = columns.first * shape.stride + tile.tap_x - shape.padding;
      const float* from = x + ((image * shape.height + y) * shape.width + left) * shape.in_channels + tile.in;
      const float* grad =
          grad_y + ((image * shape.out_height + row) * shape.out_width + columns.first) * shape.out_channels +
          tile.out;
      for (int64_t column = columns.first; column < columns.last; ++column) {
        Floats values[kVectors];
        for (int64_t v = 0; v < kVectors; ++v) {
          values[v] = load(from + v * kLanes);
        }
        for (int64_t o = 0; o < kOut; ++o) {
          for (int64_t v = 0; v < kVectors; ++v) {
            sums[o][v] += values[v] * grad[o];
          }
        }
        from += shape.stride * shape.in_channels;
        grad += shape.out_channels;
      }
    }
  }
  for (int64_t o = 0; o < kOut; ++o) {
    const int64_t tap = ((tile.out + o) * shape.kernel + tile.tap_y) * shape.kernel + tile.tap_x;
    float* to = grad_weight + tap * shape.in_channels + tile.in;
    for (int64_t v = 0; v < kVectors; ++v) {
      store(to + v * kLanes, load(to + v * kLanes) + sums[o][v]);
    }
  }
}

}  // namespace

int64_t weight_gradient_tiles(const ConvShape& shape) {
  return divide_up(shape.out_channels, kTileOut) * shape.kernel * shape.kernel *
         divide_up(shape.in_channels, kTileIn);
}

GAMUT_KERNEL
void add_weight_gradient(const ConvShape& shape, const float* x, const float* grad_y, int64_t begin,
                         int64_t end, float* grad_weight) {
  const int64_t images = divide_up(kPixelsPerSum, shape.out_height * shape.out_width);
  for (int64_t image = 0; image < shape.batch; image += images) {
    const Span span{image, image + images < shape.batch ? image + images : shape.batch};
    for (int64_t index = begin; index < end; ++index) {
      const Tile tile = tile_at(shape, index);
      const bool tall = tile.out + kTileOut <= shape.out_channels,
                 wide = tile.in + kTileIn <= shape.in_channels;
      if (tall && wide) {
        add_tile<8, 2>(shape, tile, x, grad_y, span, grad_weight);
      } else if (tall) {
        add_tile<8, 1>(shape, tile, x, grad_y, span, grad_weight);
      } else if (wide) {
        add_tile<4, 2>(shape, tile, x, grad_y, span, grad_weight);
      } else {
        add_tile<4, 1>(shape, tile, x, grad_y, span, grad_weight);
      }
    }
  }
}

GAMUT_KERNEL
void add_column_sums(int64_t rows, int64_t channels, const float* values, float* sums) {
  for (int64_t begin = 0; begin < rows; begin += kPixelsPerSum) {
    const int64_t end = begin + kPixelsPerSum < rows ? begin + kPixelsPerSum : rows;
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      Floats sum = {};
      for (int64_t row = begin; row < end; ++row) {
        sum += load(values + row * channels + c);
      }
      store(sums + c, load(sums + c) + sum);
    }
    for (; c < channels; ++c) {
      float sum = 0;
      for (int64_t row = begin; row < end; ++row) {
        sum += values[row * channels + c];
      }
      sums[c] += sum;
    }
  }
}

}  // namespace gamut::nn::kernels
