// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/tf_records.h"

#include "gamut/io/crc32c.h"

namespace gamut::io {
namespace {

constexpr size_t kHead = 12, kTail = 4;  // length with checksum; checksum of the data

uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) bytes.push_back(char(uint8_t(value >> (8 * i))));
  return bytes;
}

template <class Unsigned>
Unsigned from_little_endian(std::string_view bytes) {
  Unsigned value = 0;
  for (size_t i = 0; i < sizeof value; ++i) value |= Unsigned(uint8_t(bytes[i])) << (8 * i);
  return value;
}

}  // namespace

std::string framed_record(std::string_view data) {
  const std::string length = little_endian(uint64_t(data.size()));
  return length + little_endian(masked_crc(length)) + std::string(data) + little_endian(masked_crc(data));
}

std::optional<Record> record_at(std::string_view bytes, size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < kHead) return std::nullopt;
  const std::string_view head = bytes.substr(offset, kHead), rest = bytes.substr(offset + kHead);
  const uint64_t length = from_little_endian<uint64_t>(head);
  if (from_little_endian<uint32_t>(head.substr(8)) != masked_crc(head.substr(0, 8))) return std::nullopt;
  if (rest.size() < kTail || length > rest.size() - kTail) return std::nullopt;
  const std::string_view data = rest.substr(0, length);
  if (from_little_endian<uint32_t>(rest.substr(length)) != masked_crc(data)) return std::nullopt;
  return Record{data, offset + kHead + length + kTail};
}

}  // namespace gamut::io
