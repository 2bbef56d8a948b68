// SPDX-License-Identifier: Apache-2.0
// Rotary positions (Su et al. 2021) along several axes, as FLUX has them: a head's numbers are taken in
// pairs, and each pair is turned by an angle that grows with the token's place on the pair's axis.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace gamut::nn {

struct RotaryOptions {
  std::vector<int64_t> axes{16, 56, 56};  // numbers of a head per axis, even; in sum the head's width
  double theta = 10000;
};

// ids [L, axes] of any real type to unit complex numbers [L, 1, head width / 2]; angles are made in fp64. For
// tensors of `dtype`: complex128 for fp64, else complex64.
at::Tensor rotary_table(const at::Tensor& ids, const RotaryOptions& options, at::ScalarType dtype);
// x [B, L, heads, head width], turned; computed in fp32 (fp64 for fp64), in x's type.
at::Tensor rotated(const at::Tensor& x, const at::Tensor& table);

}  // namespace gamut::nn
