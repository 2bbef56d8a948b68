// SPDX-License-Identifier: Apache-2.0
// The glyph task: readable characters in many fonts and colors. Its pretraining is in pretrain.h,
// pretrain_clip.h and pretrain_reader.h.
#pragma once

#include "gamut/tasks/tasks.h"

#include <ATen/core/Tensor.h>

namespace gamut::glyphs {

// Adds the reward `reader` and the measures of ink and ground; returns the task. Once per program.
tasks::Task register_task();

// Freshly drawn real glyphs of each prompt's target, prompt-major, [prompts * members, 3, 32, 32] in [0, 1].
// DataError for a target that is not one of the characters.
at::Tensor draw_data(const std::vector<text::Prompt>& prompts, int64_t members, uint64_t seed);

}  // namespace gamut::glyphs
