// SPDX-License-Identifier: Apache-2.0
// Diversity from features or kernels, in double precision and independent of the members' order.
#pragma once

#include <ATen/core/Tensor.h>

namespace gamut::diversity {

// Vendi score of order q of a kernel K [n, n] with unit diagonal: exp(Renyi entropy of order q of the
// eigenvalues of K / n). q = 1: Shannon; q = infinity: 1 / largest eigenvalue. Range [1, n].
double vendi_from_kernel(const at::Tensor& kernel, double q = 1.0);
// Cosine kernel of features [n, d].
double vendi_from_features(const at::Tensor& features, double q = 1.0);
// Cosine kernel matrix [n, n] in double; rows of zero norm become orthogonal to all others.
at::Tensor cosine_kernel(const at::Tensor& features);

}  // namespace gamut::diversity
