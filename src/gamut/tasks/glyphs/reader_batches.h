// SPDX-License-Identifier: Apache-2.0
// The training pictures of the reader and how they are disturbed (pretrain_reader.h says why).
#pragma once

#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/tasks/glyphs/pretrain_reader.h"

#include <ATen/core/Tensor.h>

namespace gamut::glyphs {

struct ReaderBatch {
  at::Tensor pictures_BCHW;  // fp32, [0, 1]
  at::Tensor targets_BK;     // a distribution over the classes per picture
};

// What config.task tells apart: characters (reader), or faces, which are named "style/file".
std::vector<std::string> face_classes();
int64_t class_of(const GlyphSpec& spec, const ReaderTrainingConfig& config);
int64_t class_count(const ReaderTrainingConfig& config);

// A pure function of (config.seed, step). The last round(garbage * batch) pictures show no character.
ReaderBatch draw_reader_batch(const ReaderTrainingConfig& config, GlyphRenderer& renderer, int64_t step);
// `count` pictures without a character, disturbed as in training.
at::Tensor draw_garbage(const ReaderTrainingConfig& config, GlyphRenderer& renderer, int64_t count);

}  // namespace gamut::glyphs
