// SPDX-License-Identifier: Apache-2.0
// Distances within one group of n pictures, [n, n] in double: symmetric, zero diagonal. DataError for
// features or distances that are not finite, not square, not symmetric, negative or with a non-zero diagonal
// (one line each).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::diversity {

// 1 - cosine of features [n, d], clamped to [0, 2]; identical rows are exactly 0 apart.
at::Tensor cosine_distances(const at::Tensor& features);
at::Tensor euclidean_distances(const at::Tensor& features);
// Checks a matrix that came from outside and returns it as a double CPU tensor.
at::Tensor checked_distances(const at::Tensor& distances);

// Per member j: mean_{k != j} d_jk, and min_{k != j} d_jk. 0 for a single member.
std::vector<double> mean_distances(const at::Tensor& distances);
std::vector<double> nearest_distances(const at::Tensor& distances);

}  // namespace gamut::diversity
