// SPDX-License-Identifier: Apache-2.0
// How far two sets of pictures are apart as distributions.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace gamut::diversity {

// The witness of the squared maximum mean discrepancy (Gretton et al. 2012, JMLR 13, unbiased form) between N
// pictures x and M others b, at each x_j, under k(d) = exp(-d^2 / (2 width^2)), width > 0:
//
//   w_j = mean_m k(d(x_j, b_m)) - mean_{i != j} k(d(x_j, x_i))
//
// distances_NN, to_others_NM: double. A single x has no other, and the second mean is 0.
std::vector<double> mmd_witness(const at::Tensor& distances_NN, const at::Tensor& to_others_NM, double width);

}  // namespace gamut::diversity
