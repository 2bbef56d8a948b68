// SPDX-License-Identifier: Apache-2.0
// 8-bit RGB pictures, PNG files and contact sheets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gamut::io {

// Row-major, three bytes per pixel: pixels[(y * width + x) * 3 + channel].
struct Image {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> pixels;

  static Image filled(int64_t width, int64_t height, uint8_t red, uint8_t green, uint8_t blue);
  uint8_t* at(int64_t x, int64_t y) { return &pixels[size_t((y * width + x) * 3)]; }
  const uint8_t* at(int64_t x, int64_t y) const { return &pixels[size_t((y * width + x) * 3)]; }
};

std::string encode_png(const Image& image);                            // the file's bytes
void save_png(const std::filesystem::path& path, const Image& image);  // atomic
// Throws DataError on malformed input; transparent pixels are laid on white.
Image load_png(const std::filesystem::path& path);

// A contact sheet on white: rows of pictures with a label at the left of each row and a title above each
// block. Blocks stand side by side (before | after), separated by a gap; pictures are enlarged by nearest
// neighbor, those with a side beyond 128 pixels stay as they are. Labels are drawn in a 5x7 ASCII font; a
// label beyond the last row is left out.
struct SheetBlock {
  std::string title;
  std::vector<std::vector<Image>> rows;  // rows[r][c]; all pictures of one size
};
struct SheetOptions {
  int64_t scale = 2, gap = 1;                // enlargement of pictures; white pixels between them
  std::vector<std::string> row_labels = {};  // empty = none
};
Image contact_sheet(const std::vector<SheetBlock>& blocks, const SheetOptions& options = {});

}  // namespace gamut::io
