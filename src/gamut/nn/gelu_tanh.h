// SPDX-License-Identifier: Apache-2.0
// GELU by its tanh formula ("gelu-approximate", "gelu_new").
#pragma once

#include <ATen/core/Tensor.h>

namespace gamut::nn {

// On the CPU a row's result depends on that row alone, bit for bit, if rows are as wide as a vector or a
// multiple.
at::Tensor gelu_tanh(const at::Tensor& x);

}  // namespace gamut::nn
