// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/atlas.h"

#include "gamut/core/error.h"
#include "gamut/io/base64.h"

#include <algorithm>

namespace gamut::io {
namespace {

// The mean of a block's pixels, cut at the picture's edge.
void average_block(const Image& image, int64_t left, int64_t top, int64_t factor, uint8_t* out) {
  const int64_t right = std::min(left + factor, image.width), bottom = std::min(top + factor, image.height);
  int64_t sum[3] = {};
  for (int64_t y = top; y < bottom; ++y)
    for (int64_t x = left; x < right; ++x)
      for (int64_t c = 0; c < 3; ++c) sum[c] += image.at(x, y)[c];
  const int64_t count = (right - left) * (bottom - top);
  for (int64_t c = 0; c < 3; ++c) out[c] = uint8_t((sum[c] + count / 2) / count);
}

}  // namespace

Image atlas(std::span<const Image> pictures, int64_t columns) {
  GAMUT_CHECK(!pictures.empty() && columns > 0, pictures.size(), " pictures, ", columns, " columns");
  const int64_t width = pictures[0].width, height = pictures[0].height;
  const int64_t rows = (int64_t(pictures.size()) + columns - 1) / columns;
  Image sheet = Image::filled(columns * width, rows * height, 255, 255, 255);
  for (size_t i = 0; i < pictures.size(); ++i) {
    GAMUT_CHECK(pictures[i].width == width && pictures[i].height == height, "picture ", i,
                " has another size");
    const int64_t left = int64_t(i) % columns * width, top = int64_t(i) / columns * height;
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(pictures[i].at(0, y), size_t(width) * 3, sheet.at(left, top + y));
  }
  return sheet;
}

Image shrunk(const Image& image, int64_t max_side) {
  const int64_t factor = (std::max(image.width, image.height) + max_side - 1) / max_side;
  if (factor <= 1) return image;
  Image small =
      Image::filled((image.width + factor - 1) / factor, (image.height + factor - 1) / factor, 0, 0, 0);
  for (int64_t y = 0; y < small.height; ++y)
    for (int64_t x = 0; x < small.width; ++x)
      average_block(image, x * factor, y * factor, factor, small.at(x, y));
  return small;
}

std::string png_data_uri(const Image& image) { return "data:image/png;base64," + base64(encode_png(image)); }

}  // namespace gamut::io
