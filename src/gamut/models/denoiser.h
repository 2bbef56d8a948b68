// SPDX-License-Identifier: Apache-2.0
// The network that RL trains, whichever its family: latents, a time and a conditioning in, a prediction out.
#pragma once

#include "gamut/models/conditioning.h"
#include "gamut/nn/params.h"

#include <ATen/core/Tensor.h>

namespace gamut::models {

class Denoiser {
 public:
  virtual ~Denoiser() = default;
  // x [B, C, H, W] in the weights' type; model_time [B], or [1] for all rows, as the scheduler counts it
  // (1000 sigma for flow models); the conditioning's parts in any type. A prediction of x's shape, in the
  // weights' type or fp32.
  virtual at::Tensor predict(const at::Tensor& x_BCHW, const at::Tensor& model_time,
                             const Conditioning& cond) const = 0;
  virtual nn::ParamStore& params() = 0;
  // Gradient checkpointing: of a forward pass with gradient only the inputs of its segments are kept
  // (nn/recompute.h).
  virtual void recompute_in_backward(bool on) = 0;
  // Whether the strength of guidance is an input, the conditioning's part "guidance".
  virtual bool takes_guidance() const { return false; }
};

}  // namespace gamut::models
