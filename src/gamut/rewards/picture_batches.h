// SPDX-License-Identifier: Apache-2.0
// Pictures through a network in batches of one size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace gamut::rewards {

// Calls `embed` with `batch` pictures of fp32 at a time, [batch, 3, H, W] -> [batch, width], without
// gradient; the result is [B, width] fp32 on the CPU. The last batch is filled up with zeros, since kernels
// may sum in another order for another size, and a row does not depend on the others. NaN in every entry for
// a picture that is not finite, of which the network sees nothing.
at::Tensor in_batches(const at::Tensor& pictures, int64_t batch, int64_t width,
                      const std::function<at::Tensor(const at::Tensor&)>& embed);

}  // namespace gamut::rewards
