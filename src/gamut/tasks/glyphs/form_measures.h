// SPDX-License-Identifier: Apache-2.0
// The glyph task's rows in the table of measures that no method trains on and that are not color: faces,
// styles, strokes, size and place.
#pragma once

#include "gamut/eval/measures.h"

#include <vector>

namespace gamut::glyphs {

// stroke_spread, size_spread and place_spread where the prompts ask for glyphs and the pictures are as large;
// face_modes and style_modes there too, with eval.classes_model.
std::vector<eval::Measure> form_measures();

}  // namespace gamut::glyphs
