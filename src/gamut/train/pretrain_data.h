// SPDX-License-Identifier: Apache-2.0
// The pictures that pretraining sees: drawn once for the whole run, kept as bytes on the device.
#pragma once

#include "gamut/data/glyphs.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::train {

struct GlyphPictures {
  at::Tensor pictures_NCHW;            // uint8
  std::vector<data::GlyphSpec> specs;  // one per picture
};

GlyphPictures draw_glyph_pictures(int64_t count, uint64_t seed, at::Device device);
// The pictures of `rows` (int64, on the set's device), fp32 in [0, 1].
at::Tensor pictures_at(const GlyphPictures& set, const at::Tensor& rows);

}  // namespace gamut::train
