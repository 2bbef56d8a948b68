// SPDX-License-Identifier: Apache-2.0
// The colors of pictures for the report's palette: ink and ground of each, twelve hexadecimal digits.
#pragma once

#include "gamut/io/image.h"

#include <cstddef>
#include <span>
#include <string>

namespace gamut::glyphs {

// Of up to `count` evenly spread pictures.
std::string palette_of(std::span<const io::Image> pictures, size_t count);
// Of `count` real glyphs. "" when their fonts are not installed.
std::string data_palette(size_t count);

}  // namespace gamut::glyphs
