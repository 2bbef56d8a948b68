// SPDX-License-Identifier: Apache-2.0
// Linear layers on tokens.
//
// fp32 on the CPU takes the kernels of kernels/matrix.h and kernels/weight_gradient.h, which work through the
// rows in chunks that stay in the cache and reach twice the speed of the BLAS behind at::linear on many CPUs;
// everything else takes at::linear, fp32 on the CPU in blocks of rows. There a row's result depends on that
// row alone, bit for bit, whatever the number of rows and threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace gamut::nn {

struct LinearWeights {
  at::Tensor weight;               // [out, in]; int8 where there is a scale
  std::optional<at::Tensor> bias;  // [out]
  at::Tensor scale = {};           // [out] fp32: of the rows of an int8 weight (int8.h)
};

// x [..., in] to [..., out], plus `residual` of that shape if given.
at::Tensor project(const at::Tensor& x, const LinearWeights& linear,
                   const std::optional<at::Tensor>& residual = std::nullopt);

// A matrix [inner, columns] as kernels::multiply reads it.
at::Tensor packed(const at::Tensor& matrix);

// Whether the kernels compute it.
bool fits_matrix_kernels(const at::Tensor& x, const at::Tensor& weight);

}  // namespace gamut::nn
