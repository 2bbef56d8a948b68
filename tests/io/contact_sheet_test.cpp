// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/io/image.h"
#include "gamut/io/tiny_font.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gamut::io {
namespace contact_sheet_test {

Image colored(uint8_t red) { return Image::filled(4, 3, red, 0, 200); }

// The smallest rectangle that holds all pixels of a color; width 0 if there is none.
struct Box {
  int64_t left = 1 << 20, top = 1 << 20, right = -1, bottom = -1;
  int64_t width() const { return right < left ? 0 : right - left + 1; }
  int64_t height() const { return bottom < top ? 0 : bottom - top + 1; }
};
Box box_of(const Image& sheet, std::array<uint8_t, 3> color) {
  Box box;
  for (int64_t y = 0; y < sheet.height; ++y) {
    for (int64_t x = 0; x < sheet.width; ++x) {
      if (!std::equal(color.begin(), color.end(), sheet.at(x, y))) continue;
      box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x), std::max(box.bottom, y)};
    }
  }
  return box;
}

TEST(contact_sheet, pictures_are_enlarged_and_stand_in_rows_and_columns) {
  const Image sheet = contact_sheet({{"", {{colored(1), colored(2)}, {colored(3)}}}}, {.scale = 3, .gap = 2});
  const Box first = box_of(sheet, {1, 0, 200}), second = box_of(sheet, {2, 0, 200}),
            below = box_of(sheet, {3, 0, 200});
  for (const Box& box : {first, second, below}) {
    EXPECT_EQ(box.width(), 12);
    EXPECT_EQ(box.height(), 9);
  }
  EXPECT_EQ(second.left, first.right + 1 + 2);
  EXPECT_EQ(second.top, first.top);
  EXPECT_EQ(below.left, first.left);
  EXPECT_EQ(below.top, first.bottom + 1 + 2);
  EXPECT_EQ(sheet.width - 1 - second.right, first.left);  // the same margin on both sides
  EXPECT_EQ(sheet.height - 1 - below.bottom, first.top);
}

TEST(contact_sheet, large_pictures_are_not_enlarged) {
  const auto width_of = [](int64_t side) {
    const Image sheet = contact_sheet({{"", {{Image::filled(side, 2, 1, 0, 200)}}}}, {.scale = 2});
    return box_of(sheet, {1, 0, 200}).width();
  };
  EXPECT_EQ(width_of(128), 256);
  EXPECT_EQ(width_of(129), 129);
}

TEST(contact_sheet, a_picture_keeps_its_pixels) {
  Image picture = Image::filled(2, 1, 9, 9, 9);
  picture.at(1, 0)[1] = 77;
  const Image sheet = contact_sheet({{"", {{picture}}}}, {.scale = 2});
  const Box box = box_of(sheet, {9, 9, 9});
  EXPECT_EQ(sheet.at(box.left + 2, box.top)[1], 77);
  EXPECT_EQ(sheet.at(box.left + 3, box.top + 1)[1], 77);
  EXPECT_EQ(sheet.at(box.left + 1, box.top + 1)[1], 9);
}

TEST(contact_sheet, blocks_stand_side_by_side_under_their_titles) {
  const Image sheet = contact_sheet({{"a", {{colored(1)}}}, {"after", {{colored(2)}}}});
  const Box first = box_of(sheet, {1, 0, 200}), second = box_of(sheet, {2, 0, 200}),
            ink = box_of(sheet, {0, 0, 0});
  EXPECT_GT(second.left, first.right + 1);
  EXPECT_EQ(second.top, first.top);
  EXPECT_LT(ink.bottom, first.top);  // titles above, nothing drawn over the pictures
  EXPECT_EQ(ink.left, first.left);
  EXPECT_EQ(ink.right, second.left + text_width("after", 1) - 1);  // wider than its pictures, still complete
  EXPECT_LT(ink.right, sheet.width);
}

TEST(contact_sheet, labels_stand_left_of_their_row) {
  const Image sheet =
      contact_sheet({{"", {{colored(1)}, {colored(2)}}}}, {.scale = 4, .row_labels = {"", "H", "none"}});
  const Box row = box_of(sheet, {2, 0, 200}), ink = box_of(sheet, {0, 0, 0});
  EXPECT_EQ(ink.width(), kFontWidth);
  EXPECT_EQ(ink.height(), kFontHeight);
  EXPECT_LT(ink.right, row.left);
  EXPECT_GE(ink.top, row.top);
  EXPECT_LE(ink.bottom, row.bottom);
}

TEST(contact_sheet, empty_sheets_are_white_pictures) {
  for (const auto& blocks : {std::vector<SheetBlock>{}, {{"", {}}}, {{"", {{}, {}}}}}) {
    const Image sheet = contact_sheet(blocks);
    EXPECT_GT(sheet.width, 0);
    EXPECT_GT(sheet.height, 0);
    EXPECT_TRUE(std::all_of(sheet.pixels.begin(), sheet.pixels.end(), [](uint8_t v) { return v == 255; }));
  }
}

TEST(contact_sheet, pictures_of_two_sizes_are_our_own_mistake) {
  EXPECT_THROW(contact_sheet({{"", {{colored(1), Image::filled(5, 3, 0, 0, 0)}}}}), InternalError);
}

TEST(contact_sheet, labels_of_any_length_leave_a_picture) {
  const Image sheet =
      contact_sheet({{"", {{colored(1)}}}}, {.scale = 4, .row_labels = {std::string(100'000, 'H')}});
  EXPECT_LE(sheet.width, 100 * text_width("H", 2));
}

}  // namespace contact_sheet_test
}  // namespace gamut::io
