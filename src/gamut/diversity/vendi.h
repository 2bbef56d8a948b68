// SPDX-License-Identifier: Apache-2.0
// Diversity from features or kernels, in double precision and independent of the members' order.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace gamut::diversity {

// Vendi score of order q of a kernel K [n, n] with unit diagonal, from the eigenvalues l of K / n:
//
//   q = 1: exp(-sum l ln l)     q = infinity: 1 / max l     otherwise: (sum l^q)^(1 / (1 - q))
//
// Negative eigenvalues (a similarity that is no kernel) count as 0. Range [1, n]; does not rise with q.
double vendi_from_kernel(const at::Tensor& kernel, double q = 1.0);
// Cosine kernel of features [n, d].
double vendi_from_features(const at::Tensor& features, double q = 1.0);
// Per member j: Vendi(all, q = 1) - Vendi(all but j); what the group would lose with j. 1 for a single
// member.
std::vector<double> vendi_leave_one_out(const at::Tensor& kernel);
// Cosine kernel matrix [n, n] in double; rows of zero norm are alike and orthogonal to all others.
at::Tensor cosine_kernel(const at::Tensor& features);
// Checks a kernel that came from outside and returns it as a double CPU tensor: square, finite, symmetric,
// ones on the diagonal and no entry above 1, to within 1e-6; otherwise DataError.
at::Tensor checked_kernel(const at::Tensor& kernel);

}  // namespace gamut::diversity
