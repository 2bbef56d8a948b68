// SPDX-License-Identifier: Apache-2.0
// Many small pictures as one PNG, to be cut apart again by whoever knows the columns.
#pragma once

#include "gamut/io/image.h"

#include <span>
#include <string>

namespace gamut::io {

// Pictures of one size side by side, `columns` per row, without gaps; what is missing in the last row is
// white.
Image atlas(std::span<const Image> pictures, int64_t columns);
// The picture reduced by averaging whole blocks of pixels until no side exceeds `max_side`; smaller ones
// stay.
Image shrunk(const Image& image, int64_t max_side);
// "data:image/png;base64,…"
std::string png_data_uri(const Image& image);

}  // namespace gamut::io
