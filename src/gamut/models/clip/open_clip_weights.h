// SPDX-License-Identifier: Apache-2.0
// A CLIP's weights under open_clip's names (as HPSv2.1 is published) to transformers' names.
#pragma once

#include "gamut/nn/params.h"

namespace gamut::models {

// Whether the tensors are named as open_clip's CLIP with a vision transformer.
bool has_open_clip_names(const nn::TensorMap& tensors);

// attn.in_proj becomes q_proj, k_proj and v_proj; the two projections are transposed. Names it does not know
// stay as they are, so that they are reported as surplus. DataError for an in_proj that is not divisible in
// three.
nn::TensorMap from_open_clip_names(const nn::TensorMap& tensors, const std::string& file);

}  // namespace gamut::models
