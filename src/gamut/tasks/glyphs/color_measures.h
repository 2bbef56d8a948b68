// SPDX-License-Identifier: Apache-2.0
// The glyph task's rows in the table of measures: what follows from ink and ground.
#pragma once

#include "gamut/eval/measures.h"

#include <span>
#include <vector>

namespace gamut::glyphs {

// Whether each prompt asks for one character of the task's (its target).
bool asks_for_glyphs(std::span<const text::Prompt> prompts);

// Whether they are pictures of the task's size that prompts of the task asked for.
bool are_glyphs(const eval::MeasuredPictures& pictures);

// color_pairs and contrast, where the prompts ask for glyphs and the pictures are as large; color_accuracy,
// where a prompt names ink and ground.
std::vector<eval::Measure> color_measures();

}  // namespace gamut::glyphs
