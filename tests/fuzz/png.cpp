// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/image.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gamut;
  return fuzz::read_hostile([&] {
    const io::Image image = io::load_png(fuzz::write("x.png", fuzz::text_of(data, size)));
    if (image.width > 0 && image.height > 0 && image.pixels.size() < 1 << 20) io::encode_png(image);
  });
}
