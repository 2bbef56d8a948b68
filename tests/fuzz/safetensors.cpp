// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/safetensors.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gamut;
  return fuzz::read_hostile([&] {
    const io::SafetensorsFile file =
        io::SafetensorsFile::open(fuzz::write("x.safetensors", fuzz::text_of(data, size)));
    unsigned sum = 0;
    for (const io::TensorEntry& entry : file.entries())
      for (const std::byte byte : file.bytes(entry)) sum += unsigned(byte);
    static volatile unsigned sink = 0;
    sink = sum;
    file.at("weight");
  });
}
