// SPDX-License-Identifier: Apache-2.0
// Autocast for meta tensors, which LibTorch has for real devices only. nn::Autocast (autocast.h) is the way
// to it.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

namespace gamut::nn {

// This thread's; empty = off.
std::optional<at::ScalarType> meta_autocast();
// While set, fp32 meta tensors are cast to `type` by convolutions, products and attention, and norms compute
// in fp32 where MetaStandsFor a CUDA device, as autocast does there.
void set_meta_autocast(const std::optional<at::ScalarType>& type);

}  // namespace gamut::nn
