// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/crc32c.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gamut::io {
namespace {

// kCrcTables[k][b]: byte b followed by k zero bytes. Eight bytes at a time keep up with a disk, one does not.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr CrcTables crc_tables() {
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xFF];
  return tables;
}

constexpr CrcTables kCrcTables = crc_tables();

static_assert(std::endian::native == std::endian::little, "eight bytes are read as one little-endian number");

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t before) {
  uint32_t crc = ~before;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    word ^= crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kCrcTables[7 - k][(word >> (8 * k)) & 0xFF];
  }
  for (const char byte : bytes) crc = (crc >> 8) ^ kCrcTables[0][(crc ^ uint8_t(byte)) & 0xFF];
  return ~crc;
}

std::string crc32c_text(uint32_t sum) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", sum);
  return text;
}

std::string file_crc32c(const std::filesystem::path& path) {
  const auto fail = [&] {
    throw EnvironmentError("files", cat("cannot read '", path.string(), "'; got '", error_text(errno), "'"));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail();
  std::string chunk(size_t{1} << 20, '\0');
  uint32_t sum = 0;
  ssize_t count = 0;
  do {
    count = ::read(descriptor, chunk.data(), chunk.size());
    if (count > 0) sum = crc32c(std::string_view(chunk).substr(0, size_t(count)), sum);
  } while (count > 0 || (count < 0 && errno == EINTR));
  const int error_number = errno;
  ::close(descriptor);
  errno = error_number;
  if (count < 0) fail();
  return crc32c_text(sum);
}

}  // namespace gamut::io
