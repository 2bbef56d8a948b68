// SPDX-License-Identifier: Apache-2.0
// How many bytes a picture takes as a JPEG.
#pragma once

#include "gamut/io/image.h"

#include <cstddef>

namespace gamut::io {

// Bytes of the baseline JPEG file with libjpeg's defaults (4:2:0 chroma, standard Huffman tables, JFIF
// header), which are Pillow's too. quality 1..100.
size_t jpeg_size(const Image& image, int quality);

}  // namespace gamut::io
