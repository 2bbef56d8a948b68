// SPDX-License-Identifier: Apache-2.0
// Products of tall matrices with small ones: what linear layers on tokens need.
#pragma once

#include <cstdint>

namespace gamut::nn::kernels {

// Columns come in multiples of this.
constexpr int64_t kColumnMultiple = 16;

struct Product {
  int64_t rows = 0, inner = 0, columns = 0;
  const float* a = nullptr;         // [rows, inner]
  const float* b = nullptr;         // [inner, columns]
  const float* bias = nullptr;      // [columns], or null
  const float* residual = nullptr;  // [rows, columns] to be added, or null
};

// c = a b + bias + residual, [rows, columns]. Each row is computed alone, in one order.
void multiply(const Product& product, float* c);

}  // namespace gamut::nn::kernels
