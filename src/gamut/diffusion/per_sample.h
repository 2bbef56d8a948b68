// SPDX-License-Identifier: Apache-2.0
// Sums and means over each sample's elements, whatever the rank of its latent.
#pragma once

#include <ATen/core/Tensor.h>

namespace gamut::diffusion {

// [B, …] to [B]: over all dimensions but the first, where they lie: a flattened copy could be summed in
// another order.
at::Tensor mean_per_sample(const at::Tensor& x);
at::Tensor sum_per_sample(const at::Tensor& x);
// [B] as [B, 1, …], to be multiplied with [B, …] of `rank` dimensions.
at::Tensor per_sample(const at::Tensor& values_B, int64_t rank);

}  // namespace gamut::diffusion
