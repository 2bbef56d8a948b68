// SPDX-License-Identifier: Apache-2.0
// Guidance around Pipeline::predict. Where its strength is an input of the denoiser (FLUX.1-dev), it is given
// to it; else it is classifier-free, v = v_uncond + w (v_cond - v_uncond), applied before the step.
#pragma once

#include "gamut/models/pipeline.h"

#include <string>

namespace gamut::models {

struct Guidance {
  double scale = 1;            // of the model's own kind
  double classifier_free = 1;  // beside an input: a second pass without the prompt; diffusers' true_cfg_scale
};

// One forward pass, or two with classifier-free guidance of a strength other than 1; one pass never touches
// `unconditional` (which may be empty then). `unconditional` has one row (repeated) or as many as x.
at::Tensor predict_guided(const Pipeline& pipeline, const at::Tensor& x_BCHW, double model_time,
                          const Conditioning& conditional, const Conditioning& unconditional,
                          const Guidance& guidance);

// The same with model_time [B], one per row.
at::Tensor predict_guided(const Pipeline& pipeline, const at::Tensor& x_BCHW, const at::Tensor& model_time_B,
                          const Conditioning& conditional, const Conditioning& unconditional,
                          const Guidance& guidance);

// A warning for a scale below 1, which is no guidance in diffusers: there 0 means off, here it means no
// prompt at all. `name`: the flag or key.
void warn_below_one(double scale, const std::string& name);

}  // namespace gamut::models
