// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/atlas.h"

#include "gamut/io/image.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <gtest/gtest.h>

namespace gamut::io {
namespace atlas_test {

TEST(atlas, lays_pictures_row_by_row) {
  std::vector<Image> pictures;
  for (uint8_t i = 0; i < 5; ++i) pictures.push_back(Image::filled(2, 3, i, 10, 20));
  const Image sheet = atlas(pictures, 2);
  EXPECT_EQ(sheet.width, 4);
  EXPECT_EQ(sheet.height, 9);
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(sheet.at(i % 2 * 2, i / 2 * 3)[0], i);
    EXPECT_EQ(sheet.at(i % 2 * 2 + 1, i / 2 * 3 + 2)[0], i);
  }
  EXPECT_EQ(sheet.at(3, 8)[0], 255) << "the missing sixth is white";
}

TEST(atlas, shrinks_by_the_mean_of_blocks) {
  Image image = Image::filled(5, 4, 0, 100, 200);
  image.at(0, 0)[0] = 100;
  image.at(4, 3)[0] = 50;
  const Image small = shrunk(image, 3);  // blocks of 2 x 2, the last column narrower
  EXPECT_EQ(small.width, 3);
  EXPECT_EQ(small.height, 2);
  EXPECT_EQ(small.at(0, 0)[0], 25);
  EXPECT_EQ(small.at(2, 1)[0], 25) << "two pixels: (0 + 50) / 2";
  EXPECT_EQ(small.at(1, 0)[1], 100);
  EXPECT_EQ(shrunk(image, 5).pixels, image.pixels);
}

TEST(atlas, encoded_pictures_load_again) {
  const testing::TempFolder folder;
  const Image image = Image::filled(3, 2, 1, 2, 3);
  testing::write_raw(folder / "a.png", encode_png(image));
  EXPECT_EQ(load_png(folder / "a.png").pixels, image.pixels);
}

}  // namespace atlas_test
}  // namespace gamut::io
