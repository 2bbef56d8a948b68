// SPDX-License-Identifier: Apache-2.0
// PNG files of Pillow come from tests/generators/io_files.py.
#include "gamut/io/image.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gamut::io {
namespace image_test {

using gamut::testing::message_of;
using gamut::testing::TempFolder;
using gamut::testing::write_raw;

const Path kFixtures = GAMUT_SOURCE_DIR "/tests/io/fixtures";

Image random_image(int64_t width, int64_t height) {
  Stream stream(1, "image_test", {width, height});
  Image image = Image::filled(width, height, 0, 0, 0);
  for (uint8_t& value : image.pixels) value = uint8_t(stream.below(256));
  return image;
}

std::string hex(const std::vector<uint8_t>& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// Only the ways in which loading may fail; anything else fails the test.
void expect_loads_or_data_error(const Path& path) {
  try {
    load_png(path);
  } catch (const DataError&) {
  }
}

TEST(image, filled_has_one_color) {
  Image image = Image::filled(2, 3, 10, 20, 30);
  EXPECT_EQ(image.pixels.size(), 18u);
  EXPECT_EQ(image.at(1, 2), &image.pixels[15]);
  EXPECT_EQ(image.at(1, 2)[0], 10);
  EXPECT_EQ(image.at(0, 1)[1], 20);
  EXPECT_EQ(image.at(1, 0)[2], 30);
}

TEST(image, png_files_read_back_exactly) {
  const TempFolder folder;
  for (const auto& [width, height] : {std::pair<int64_t, int64_t>{1, 1}, {32, 32}, {257, 3}, {1, 100}}) {
    const Image image = random_image(width, height);
    save_png(folder / "x.png", image);
    const Image read = load_png(folder / "x.png");
    EXPECT_EQ(read.width, width);
    EXPECT_EQ(read.height, height);
    EXPECT_EQ(read.pixels, image.pixels);
  }
}

TEST(image, reads_the_png_files_of_another_program) {
  const auto listing = read_json(kFixtures / "pictures.json");
  ASSERT_EQ(listing.size(), 5u);
  for (const auto& [name, expected] : listing.items()) {
    const Image image = load_png(kFixtures / (name + ".png"));
    EXPECT_EQ(image.width, expected["width"]) << name;
    EXPECT_EQ(image.height, expected["height"]) << name;
    EXPECT_EQ(hex(image.pixels), expected["hex"].get<std::string>()) << name;
  }
}

TEST(image, malformed_files_are_data_errors) {
  const TempFolder folder;
  write_raw(folder / "x.png", "not a picture");
  const std::string message = message_of<DataError>([&] { load_png(folder / "x.png"); });
  EXPECT_TRUE(
      message.starts_with("[image] '" + (folder / "x.png").string() + "' is not a usable PNG; libpng says "))
      << message;
  EXPECT_THROW(load_png(folder / "none.png"), EnvironmentError);
}

TEST(image, truncated_and_damaged_files_never_crash) {
  const TempFolder folder;
  save_png(folder / "x.png", random_image(9, 7));
  const std::string good = read_text(folder / "x.png");
  Stream stream(1, "damage");
  for (size_t i = 0; i < good.size(); ++i) {
    write_raw(folder / "cut.png", good.substr(0, i));
    expect_loads_or_data_error(folder / "cut.png");
    std::string damaged = good;
    damaged[i] = char(damaged[i] ^ (1 + stream.below(255)));
    write_raw(folder / "damaged.png", damaged);
    expect_loads_or_data_error(folder / "damaged.png");
  }
  write_raw(folder / "cut.png", good.substr(0, good.size() / 2));
  EXPECT_THROW(load_png(folder / "cut.png"), DataError);
}

// The header of a PNG with a valid checksum (CRC-32 as in the PNG specification).
std::string header_of_size(uint32_t width, uint32_t height) {
  std::string chunk = "IHDR";
  for (const uint32_t size : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) chunk += char(size >> shift);
  }
  chunk += std::string("\x08\x02\0\0\0", 5);
  uint32_t crc = ~0u;
  for (const char byte : chunk) {
    crc ^= uint8_t(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
  }
  std::string file = std::string("\x89PNG\r\n\x1a\n\0\0\0\x0d", 12) + chunk;
  for (int shift = 24; shift >= 0; shift -= 8) file += char(~crc >> shift);
  return file + std::string("\0\0\0\0IDAT\x35\xaf\x06\x1e", 12);
}

TEST(image, absurd_sizes_are_refused_before_memory_is_taken) {
  const TempFolder folder;
  write_raw(folder / "x.png", header_of_size(60'000, 60'000));
  const std::string message = message_of<DataError>([&] { load_png(folder / "x.png"); });
  EXPECT_NE(message.find("got 60000 x 60000 pixels; expected at most 100000000 in all"), std::string::npos)
      << message;
}

TEST(image, unwritable_places_are_environment_errors) {
  EXPECT_THROW(save_png("/nonexistent/x.png", random_image(2, 2)), EnvironmentError);
  EXPECT_THROW(save_png("/dev/null", Image{}), InternalError);
}

}  // namespace image_test
}  // namespace gamut::io
