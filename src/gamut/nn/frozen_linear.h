// SPDX-License-Identifier: Apache-2.0
// Products with frozen matrices that are held in fewer bits than they are multiplied with: int8 with scales
// (int8.h), and bf16 on a CPU without instructions for it, where LibTorch's product in bf16 is three to nine
// times slower than in fp32.
//
// The matrix is widened block by block and never as a whole on a CPU, for the product and again for the
// gradient of x; the graph keeps none of it. Weights and bias get no gradient.
#pragma once

#include "gamut/nn/token_linear.h"

namespace gamut::nn {

// The type that products with frozen weights are made in, of what comes in as `x`: fp32 in place of a bf16
// that this CPU has no instructions for, else that of `x`.
at::ScalarType frozen_product_type(const at::Tensor& x);

// Whether project() has it computed here.
bool fits_frozen_linear(const at::Tensor& x, const LinearWeights& linear);

// project() of token_linear.h with products in `type`; the result, and the gradient of x, in the type of x.
at::Tensor project_frozen(const at::Tensor& x, const LinearWeights& linear,
                          const std::optional<at::Tensor>& residual, at::ScalarType type);

}  // namespace gamut::nn
