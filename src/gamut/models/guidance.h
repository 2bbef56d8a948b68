// SPDX-License-Identifier: Apache-2.0
// Classifier-free guidance around Pipeline::predict: v = v_uncond + w (v_cond - v_uncond), applied before the step.
#pragma once

#include "gamut/models/pipeline.h"

namespace gamut::models {

// scale 1 costs one forward pass and never touches `unconditional` (which may be empty then); else two.
// `unconditional` has one row (repeated) or as many as x.
at::Tensor predict_guided(const Pipeline& pipeline, const at::Tensor& x_BCHW, double model_time,
                          const Conditioning& conditional, const Conditioning& unconditional, double scale);

}  // namespace gamut::models
