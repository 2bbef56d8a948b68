// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/matrix.h"

#include "gamut/nn/kernels/lanes.h"

namespace gamut::nn::kernels {
namespace {

// kRows x (kVectors * kLanes) results in registers.
template <int64_t kRows, int64_t kVectors>
GAMUT_INLINE void multiply_tile(const Product& product, int64_t row, int64_t column, float* c) {
  const float* a = product.a + row * product.inner;
  const float* b = product.b + column;
  Floats sums[kRows][kVectors] = {};
  for (int64_t i = 0; i < product.inner; ++i, b += product.columns) {
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

template <int64_t kVectors>
GAMUT_INLINE void multiply_columns(const Product& product, int64_t column, float* c) {
  int64_t row = 0;
  for (; row + 8 <= product.rows; row += 8) {
    multiply_tile<8, kVectors>(product, row, column, c);
  }
  for (; row < product.rows; ++row) {
    multiply_tile<1, kVectors>(product, row, column, c);
  }
}

}  // namespace

GAMUT_KERNEL
void multiply(const Product& product, float* c) {
  int64_t column = 0;
  for (; column + 2 * kLanes <= product.columns; column += 2 * kLanes) {
    multiply_columns<2>(product, column, c);
  }
  for (; column < product.columns; column += kLanes) {
    multiply_columns<1>(product, column, c);
  }
}

}  // namespace gamut::nn::kernels
