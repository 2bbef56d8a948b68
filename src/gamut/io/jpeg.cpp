// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/jpeg.h"

#include "gamut/core/error.h"

#include <cstdio>
#include <cstdlib>
#include <jpeglib.h>  // needs FILE and size_t before it

namespace gamut::io {
namespace {

// libjpeg's own handler ends the process. Nothing C++ lies between here and the call that fails.
[[noreturn]] void throw_message(j_common_ptr info) {
  char text[JMSG_LENGTH_MAX];
  (*info->err->format_message)(info, text);
  throw InternalError("image", cat("libjpeg cannot encode a picture; got '", text, "'"));
}

// Frees what libjpeg allocated on every way out.
struct Encoder {
  jpeg_error_mgr errors{};
  jpeg_compress_struct info{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  Encoder() {
    info.err = jpeg_std_error(&errors);
    errors.error_exit = throw_message;
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &size);
  }
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
};

}  // namespace

size_t jpeg_size(const Image& image, int quality) {
  GAMUT_CHECK(image.width > 0 && image.height > 0, image.width, " x ", image.height);
  GAMUT_CHECK(image.pixels.size() == size_t(image.width * image.height * 3), image.pixels.size(), " bytes");
  Encoder encoder;
  encoder.info.image_width = JDIMENSION(image.width);
  encoder.info.image_height = JDIMENSION(image.height);
  encoder.info.input_components = 3;
  encoder.info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder.info);
  jpeg_set_quality(&encoder.info, quality, TRUE);
  jpeg_start_compress(&encoder.info, TRUE);
  while (encoder.info.next_scanline < encoder.info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.at(0, encoder.info.next_scanline));
    jpeg_write_scanlines(&encoder.info, &row, 1);
  }
  jpeg_finish_compress(&encoder.info);
  return encoder.size;
}

}  // namespace gamut::io
