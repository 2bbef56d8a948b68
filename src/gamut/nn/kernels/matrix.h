// SPDX-License-Identifier: Apache-2.0
// Products of tall matrices with small ones: what linear layers on tokens need.
#pragma once

#include <cstdint>

namespace gamut::nn::kernels {

// Columns come in multiples of this.
constexpr int64_t kColumnMultiple = 16;

// A small matrix as it lies in memory: b(i, c) = data[i * inner_stride + c * column_stride].
struct SmallMatrix {
  int64_t inner = 0, columns = 0;
  const float* data = nullptr;
  int64_t inner_stride = 0, column_stride = 0;
};

// Writes b to `packed` [inner * columns] in the order in which this path's tiles read it.
void pack(const SmallMatrix& b, float* packed);

struct Product {
  int64_t rows = 0, inner = 0, columns = 0;
  const float* a = nullptr;         // [rows, inner]
  const float* b = nullptr;         // [inner, columns], packed
  const float* bias = nullptr;      // [columns], or null
  const float* residual = nullptr;  // [rows, columns] to be added, or null
};

// c = a b + bias + residual, [rows, columns]. Each row is computed alone, in one order.
void multiply(const Product& product, float* c);

}  // namespace gamut::nn::kernels
