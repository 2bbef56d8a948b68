// SPDX-License-Identifier: Apache-2.0
// A small network's forward pass on several threads.
#pragma once

#include "gamut/models/denoiser.h"

namespace gamut::models {

// Denoiser::predict. In fp32 on the CPU, without gradient, each thread takes rows of its own through the
// whole network where there are enough; threads that share out every operation wait for one another at each.
// The same bits: a row does not depend on others.
at::Tensor predict_by_threads(const Denoiser& denoiser, const at::Tensor& x_BCHW,
                              const at::Tensor& model_time, const Conditioning& cond);

}  // namespace gamut::models
