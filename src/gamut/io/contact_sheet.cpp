// SPDX-License-Identifier: Apache-2.0
// contact_sheet of image.h.
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/image.h"
#include "gamut/io/tiny_font.h"

#include <algorithm>

namespace gamut::io {
namespace {

constexpr int64_t kMargin = 6;  // around the sheet and between labels and pictures
constexpr int64_t kBlockGap = 12;
constexpr int64_t kLargePicture = 128;  // beyond this side pictures are not enlarged
constexpr int64_t kTallPicture = 48;    // from this height on labels are drawn twice as large
constexpr size_t kLongestLabel = 80;    // bytes: a whole prompt may be longer than a picture can be wide

// Where everything goes, in pixels of the sheet.
struct Layout {
  int64_t scale, gap, text_scale = 1;
  int64_t cell_width = 0, cell_height = 0;  // one enlarged picture
  int64_t rows = 0;
  int64_t label_width = 0, title_height = 0;
  std::vector<int64_t> block_left = {}, block_width = {};
  int64_t width = 0, height = 0;

  int64_t x(size_t block, size_t column) const {
    return block_left[block] + int64_t(column) * (cell_width + gap);
  }
  int64_t y(int64_t row) const { return kMargin + title_height + row * (cell_height + gap); }
};

void measure_pictures(const std::vector<SheetBlock>& blocks, Layout& layout) {
  const Image* first = nullptr;
  for (const SheetBlock& block : blocks) {
    layout.rows = std::max(layout.rows, int64_t(block.rows.size()));
    for (const auto& row : block.rows) {
      for (const Image& picture : row) {
        if (first == nullptr) first = &picture;
        GAMUT_CHECK(picture.width == first->width && picture.height == first->height,
                    "pictures of different sizes in one sheet");
      }
    }
  }
  if (first == nullptr) return;
  if (std::max(first->width, first->height) > kLargePicture) layout.scale = 1;
  layout.cell_width = first->width * layout.scale;
  layout.cell_height = first->height * layout.scale;
  layout.text_scale = layout.cell_height >= kTallPicture ? 2 : 1;
}

Layout lay_out(const std::vector<SheetBlock>& blocks, const SheetOptions& options) {
  Layout layout{.scale = options.scale, .gap = options.gap};
  measure_pictures(blocks, layout);
  for (const std::string& label : options.row_labels) {
    layout.label_width = std::max(layout.label_width, text_width(label, layout.text_scale) + kMargin);
  }
  int64_t left = kMargin + layout.label_width;
  for (const SheetBlock& block : blocks) {
    size_t columns = 0;
    for (const auto& row : block.rows) columns = std::max(columns, row.size());
    const int64_t pictures =
        int64_t(columns) * (layout.cell_width + layout.gap) - (columns > 0 ? layout.gap : 0);
    if (!block.title.empty()) layout.title_height = kFontHeight * layout.text_scale + kMargin;
    layout.block_left.push_back(left);
    layout.block_width.push_back(std::max(pictures, text_width(block.title, layout.text_scale)));
    left += layout.block_width.back() + kBlockGap;
  }
  layout.width = left - (blocks.empty() ? 0 : kBlockGap) + kMargin;
  layout.height = layout.y(layout.rows) - (layout.rows > 0 ? layout.gap : 0) + kMargin;
  return layout;
}

void draw_enlarged(Image& sheet, int64_t left, int64_t top, const Image& picture, int64_t scale) {
  for (int64_t y = 0; y < picture.height * scale; ++y) {
    for (int64_t x = 0; x < picture.width * scale; ++x) {
      std::copy_n(picture.at(x / scale, y / scale), 3, sheet.at(left + x, top + y));
    }
  }
}

}  // namespace

Image contact_sheet(const std::vector<SheetBlock>& blocks, const SheetOptions& given) {
  SheetOptions options = given;
  for (std::string& label : options.row_labels) label = printable(label, kLongestLabel);
  GAMUT_CHECK(options.scale >= 1 && options.gap >= 0, "scale ", options.scale, ", gap ", options.gap);
  const Layout layout = lay_out(blocks, options);
  Image sheet = Image::filled(layout.width, layout.height, 255, 255, 255);
  const TextStyle style{.scale = layout.text_scale, .gray = 0};
  for (size_t b = 0; b < blocks.size(); ++b) {
    draw_text(sheet, layout.block_left[b], kMargin, blocks[b].title, style);
    for (size_t r = 0; r < blocks[b].rows.size(); ++r) {
      const auto& row = blocks[b].rows[r];
      for (size_t c = 0; c < row.size(); ++c) {
        draw_enlarged(sheet, layout.x(b, c), layout.y(int64_t(r)), row[c], layout.scale);
      }
    }
  }
  for (size_t r = 0; r < options.row_labels.size() && int64_t(r) < layout.rows; ++r) {
    const int64_t center = (layout.cell_height - kFontHeight * layout.text_scale) / 2;
    draw_text(sheet, kMargin, layout.y(int64_t(r)) + center, options.row_labels[r], style);
  }
  return sheet;
}

}  // namespace gamut::io
