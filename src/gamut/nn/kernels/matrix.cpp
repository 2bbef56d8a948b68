// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/matrix.h"

#include "gamut/nn/kernels/lanes.h"

namespace gamut::nn::kernels::GAMUT_PATH {
namespace {

// Sums of a tile, as many as leave room for a row of b and one number of a.
constexpr int64_t kTileRows = kIsa.registers == 32 ? 8 : 6, kTileVectors = 2;
constexpr int64_t kPanel = kTileVectors * kLanes;

GAMUT_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// kRows x (kVectors * kLanes) results in registers. The product comes as a copy, which no store can change.
template <int64_t kRows, int64_t kVectors>
GAMUT_INLINE void multiply_tile(const Product product, int64_t row, int64_t column, float* c) {
  const float* a = product.a + row * product.inner;
  const float* b = product.b + column * product.inner;
  Floats sums[kRows][kVectors] = {};
  for (int64_t i = 0; i < product.inner; ++i, b += kVectors * kLanes) {
    Floats values[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      values[v] = load(b + v * kLanes);
    }
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t v = 0; v < kVectors; ++v) {
        sums[r][v] += values[v] * a[r * product.inner + i];
      }
    }
  }
  for (int64_t v = 0; v < kVectors; ++v) {
    const int64_t at = column + v * kLanes;
    const Floats bias = product.bias ? load(product.bias + at) : Floats{};
    for (int64_t r = 0; r < kRows; ++r) {
      const int64_t to = (row + r) * product.columns + at;
      const Floats sum = sums[r][v] + bias;
      store(c + to, product.residual ? sum + load(product.residual + to) : sum);
    }
  }
}

// A panel of b stays in the cache while all rows pass it.
template <int64_t kVectors>
GAMUT_INLINE void multiply_panel(const Product& product, int64_t column, float* c) {
  int64_t row = 0;
  for (; row + kTileRows <= product.rows; row += kTileRows) {
    multiply_tile<kTileRows, kVectors>(product, row, column, c);
  }
  for (; row + 4 <= product.rows; row += 4) {
    multiply_tile<4, kVectors>(product, row, column, c);
  }
  for (; row < product.rows; ++row) {
    multiply_tile<1, kVectors>(product, row, column, c);
  }
}

}  // namespace

void pack(const SmallMatrix& b, float* packed) {
  for (int64_t panel = 0; panel < b.columns; panel += kPanel) {
    const int64_t width = smaller(kPanel, b.columns - panel);
    for (int64_t i = 0; i < b.inner; ++i) {
      const float* from = b.data + i * b.inner_stride + panel * b.column_stride;
      for (int64_t c = 0; c < width; ++c) {
        *packed++ = from[c * b.column_stride];
      }
    }
  }
}

void multiply(const Product& product, float* c) {
  int64_t column = 0;
  for (; column + kPanel <= product.columns; column += kPanel) {
    multiply_panel<kTileVectors>(product, column, c);
  }
  if (column < product.columns) {
    multiply_panel<1>(product, column, c);
  }
}

}  // namespace gamut::nn::kernels::GAMUT_PATH
