// SPDX-License-Identifier: Apache-2.0
// Shapes of what LibTorch's operations return, for those of a network that it does not define on the meta
// device.
#pragma once

namespace gamut::nn {

// Registers the missing ones, once per process.
void register_meta_shapes();

}  // namespace gamut::nn
