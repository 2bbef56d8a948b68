// SPDX-License-Identifier: Apache-2.0
// What pretraining shares: the keys that a recipe has to name, and the pictures that it sees, drawn once for
// the whole run and kept as bytes on the device.
#pragma once

#include "gamut/tasks/glyphs/glyphs.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::glyphs {

// The key's value. ConfigError when the recipe leaves it out.
const std::string& required_key(const std::string& value, const char* key);

struct GlyphPictures {
  at::Tensor pictures_NCHW;      // uint8
  std::vector<GlyphSpec> specs;  // one per picture
};

GlyphPictures draw_glyph_pictures(int64_t count, uint64_t seed, at::Device device);
// The pictures of `rows` (int64, on the set's device), fp32 in [0, 1].
at::Tensor pictures_at(const GlyphPictures& set, const at::Tensor& rows);

}  // namespace gamut::glyphs
