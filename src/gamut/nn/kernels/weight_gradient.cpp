// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/weight_gradient.h"

#include "gamut/nn/kernels/lanes.h"

namespace gamut::nn::kernels::GAMUT_PATH {
namespace {

// A tile is kTileOut output channels by kTileIn input channels at one tap of the kernel; its sums stay in
// registers.
constexpr int64_t kTileOut = kIsa.registers == 32 ? 8 : 6, kTileIn = 2 * kLanes;
// Pixels summed before they join the total: they fit the cache, and short sums round less.
constexpr int64_t kPixelsPerSum = 256;

struct Tile {
  int64_t out, in, tap_y, tap_x;
};

GAMUT_INLINE int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Neighbors share what they read: the taps of one pair of channel blocks come first, then the output
// channels.
GAMUT_INLINE Tile tile_at(const ConvShape& shape, int64_t index) {
  const int64_t rows = divide_up(shape.out_channels, kTileOut);
  Tile tile;
  tile.tap_x = index % shape.kernel;
  index /= shape.kernel;
  tile.tap_y = index % shape.kernel;
  index /= shape.kernel;
  tile.out = index % rows * kTileOut;
  tile.in = index / rows * kTileIn;
  return tile;
}

// The tile after this one; without tile_at's divisions, which take as long as a small tile.
GAMUT_INLINE void advance(const ConvShape& shape, Tile& tile) {
  if (++tile.tap_x < shape.kernel) return;
  tile.tap_x = 0;
  if (++tile.tap_y < shape.kernel) return;
  tile.tap_y = 0;
  if ((tile.out += kTileOut) < shape.out_channels) return;
  tile.out = 0;
  tile.in += kTileIn;
}

// first … last-1.
struct Span {
  int64_t first, last;
};
// Output positions along one axis whose input lies inside.
GAMUT_INLINE Span inside(const ConvShape& shape, int64_t tap, int64_t size, int64_t out_size) {
  const int64_t shift = shape.padding - tap;
  const auto steps = [&](int64_t length) { return shape.stride == 1 ? length : length / shape.stride; };
  const int64_t first = shift > 0 ? steps(shift + shape.stride - 1) : 0;
  const int64_t room = size - 1 + shift;
  const int64_t last = room < 0 ? 0 : steps(room) + 1;
  return {first, last < out_size ? last : out_size};
}

// Sums kOut x (kVectors * kLanes) products over a span of images and adds them to the tile. The shape comes
// as a copy, which no store can change.
template <int64_t kOut, int64_t kVectors>
GAMUT_INLINE void add_tile(const ConvShape shape, const Tile tile, const float* x, const float* grad_y,
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

// A tile of whatever height is left: kTileOut, or 4 and 2.
template <int64_t kVectors>
GAMUT_INLINE void add_tile_rows(const ConvShape& shape, Tile tile, const float* x, const float* grad_y,
                                Span images, float* grad_weight) {
  const int64_t rest = shape.out_channels - tile.out;
  if (rest >= kTileOut) return add_tile<kTileOut, kVectors>(shape, tile, x, grad_y, images, grad_weight);
  if (rest >= 4) add_tile<4, kVectors>(shape, tile, x, grad_y, images, grad_weight);
  if (rest % 4) {
    tile.out += rest - 2;
    add_tile<2, kVectors>(shape, tile, x, grad_y, images, grad_weight);
  }
}

}  // namespace

int64_t weight_gradient_tiles(const ConvShape& shape) {
  return divide_up(shape.out_channels, kTileOut) * shape.kernel * shape.kernel *
         divide_up(shape.in_channels, kTileIn);
}

void add_weight_gradient(const ConvShape& shape, const float* x, const float* grad_y, int64_t begin,
                         int64_t end, float* grad_weight) {
  const int64_t images = divide_up(kPixelsPerSum, shape.out_height * shape.out_width);
  for (int64_t image = 0; image < shape.batch; image += images) {
    const Span span{image, image + images < shape.batch ? image + images : shape.batch};
    Tile tile = tile_at(shape, begin);
    for (int64_t index = begin; index < end; ++index, advance(shape, tile)) {
      if (tile.in + kTileIn <= shape.in_channels) {
        add_tile_rows<2>(shape, tile, x, grad_y, span, grad_weight);
      } else {
        add_tile_rows<1>(shape, tile, x, grad_y, span, grad_weight);
      }
    }
  }
}

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

}  // namespace gamut::nn::kernels::GAMUT_PATH
