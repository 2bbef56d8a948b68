// SPDX-License-Identifier: Apache-2.0
// Large matrices of weights a part at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

namespace gamut::nn {

// On the CPU a block has about so many numbers: what is made of it stays in the cache, and asks for no fresh
// pages. A GPU takes the matrix whole.
constexpr int64_t kNumbersPerBlock = 1 << 20;

// Calls work(first, count) for the blocks of `count` rows (or columns) of `each` numbers, on the device of
// `on`.
template <class Work>
void for_weight_blocks(const at::Tensor& on, int64_t count, int64_t each, const Work& work) {
  const int64_t most = on.is_cpu() ? std::max<int64_t>(1, kNumbersPerBlock / each) : count;
  for (int64_t first = 0; first < count; first += most) work(first, std::min(most, count - first));
}

}  // namespace gamut::nn
