// SPDX-License-Identifier: Apache-2.0
// Classifier-free guidance around Pipeline::predict: v = v_uncond + w (v_cond - v_uncond), applied before the step.
#pragma once

#include "gamut/models/pipeline.h"

#include <string>

namespace gamut::models {

// scale 1 costs one forward pass and never touches `unconditional` (which may be empty then); else two.
// `unconditional` has one row (repeated) or as many as x.
at::Tensor predict_guided(const Pipeline& pipeline, const at::Tensor& x_BCHW, double model_time,
                          const Conditioning& conditional, const Conditioning& unconditional, double scale);

// The same with model_time [B], one per row.
at::Tensor predict_guided(const Pipeline& pipeline, const at::Tensor& x_BCHW, const at::Tensor& model_time_B,
                          const Conditioning& conditional, const Conditioning& unconditional, double scale);

// A warning for a scale below 1, which is no guidance in diffusers: there 0 means off, here it means no prompt at all.
// `name`: the flag or key.
void warn_below_one(double scale, const std::string& name);

}  // namespace gamut::models
