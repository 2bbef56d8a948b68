// SPDX-License-Identifier: Apache-2.0
// How the rows of a tall matrix are shared out among threads so that no result depends on their number.
#pragma once

#include "gamut/nn/kernels/weight_gradient.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace gamut::nn {

// Rows worked on at a time: a few hundred kilobytes at most, so that what one step writes the next finds in
// the cache.
constexpr int64_t kRowsPerChunk = 64;
// Partial sums over rows: as many whatever the machine, added in order.
constexpr int64_t kRowSlices = 8;

// Where an fp32 tensor's numbers lie; null on the meta device, where there are none.
inline const float* const_pointer(const at::Tensor& tensor) {
  return tensor.is_meta() ? nullptr : tensor.const_data_ptr<float>();
}
inline float* pointer(const at::Tensor& tensor) {
  return tensor.is_meta() ? nullptr : tensor.mutable_data_ptr<float>();
}

// Calls work(first row, number of rows), in parallel.
template <class Work>
void for_row_chunks(int64_t rows, const Work& work) {
  at::parallel_for(0, (rows + kRowsPerChunk - 1) / kRowsPerChunk, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * kRowsPerChunk; row < std::min(rows, end * kRowsPerChunk);
         row += kRowsPerChunk) {
      work(row, std::min(kRowsPerChunk, rows - row));
    }
  });
}

// Calls work(first row, number of rows, floats of its own) for the chunks of each slice, slices in parallel,
// and returns the sum over slices of their `size` floats, which start at zero. `size` is a multiple of 4. On
// the meta device nothing is called.
template <class Work>
at::Tensor sum_over_rows(const at::TensorOptions& options, int64_t rows, int64_t size, const Work& work,
                         int64_t slices = kRowSlices) {
  const at::Tensor partial = at::zeros({slices, size}, options), total = at::zeros({size}, options);
  if (total.is_meta()) return total;
  float* sums = partial.mutable_data_ptr<float>();
  const int64_t chunks = (rows + kRowsPerChunk - 1) / kRowsPerChunk;
  at::parallel_for(0, slices, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slice = begin; slice < end; ++slice) {
      const int64_t last = std::min(rows, (slice + 1) * chunks / slices * kRowsPerChunk);
      for (int64_t row = slice * chunks / slices * kRowsPerChunk; row < last; row += kRowsPerChunk) {
        work(row, std::min(kRowsPerChunk, last - row), sums + slice * size);
      }
    }
  });
  kernels::add_column_sums(slices, size, sums, total.mutable_data_ptr<float>());
  return total;
}

}  // namespace gamut::nn
