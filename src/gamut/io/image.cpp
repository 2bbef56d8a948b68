// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/image.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <png.h>

namespace gamut::io {
namespace {

constexpr uint64_t kMaxPixels = 100'000'000;  // refuses small files that unpack to gigabytes

// Frees what libpng allocated on every way out.
struct PngImage : png_image {
  PngImage() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(this); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

}  // namespace

Image Image::filled(int64_t width, int64_t height, uint8_t red, uint8_t green, uint8_t blue) {
  Image image{width, height, std::vector<uint8_t>(size_t(width * height * 3))};
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = red;
    image.pixels[i + 1] = green;
    image.pixels[i + 2] = blue;
  }
  return image;
}

std::string encode_png(const Image& image) {
  GAMUT_CHECK(image.width > 0 && image.height > 0, image.width, " x ", image.height);
  GAMUT_CHECK(image.pixels.size() == size_t(image.width * image.height * 3), image.pixels.size(), " bytes");
  PngImage png;
  png.width = png_uint_32(image.width);
  png.height = png_uint_32(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr)) {
    throw InternalError(
        "image", cat("libpng cannot encode ", image.width, " x ", image.height, "; got '", png.message, "'"));
  }
  bytes.resize(size);
  return bytes;
}

void save_png(const std::filesystem::path& path, const Image& image) {
  write_atomically(path, encode_png(image));
}

Image load_png(const std::filesystem::path& path) {
  const std::string bytes = read_text(path);
  const auto fail = [&](const auto&... why) {
    throw DataError("image", cat("'", path.string(), "' is not a usable PNG; ", why...));
  };
  PngImage png;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) {
    fail("libpng says '", printable(png.message), "'");
  }
  if (uint64_t{png.width} * png.height > kMaxPixels) {
    fail("got ", png.width, " x ", png.height, " pixels; expected at most ", kMaxPixels, " in all");
  }
  png.format = PNG_FORMAT_RGB;
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // 16-bit files mean the same colors as 8-bit ones
  // Transparent pixels are laid on white.
  const png_color white{255, 255, 255};
  Image image = Image::filled(png.width, png.height, 255, 255, 255);
  if (!png_image_finish_read(&png, &white, image.pixels.data(), 0, nullptr)) {
    fail("libpng says '", printable(png.message), "'");
  }
  return image;
}

}  // namespace gamut::io
