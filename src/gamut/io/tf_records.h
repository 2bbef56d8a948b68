// SPDX-License-Identifier: Apache-2.0
// TFRecord framing, as TensorBoard reads it: length (8 bytes, little endian), its checksum (4), the data, its
// checksum (4). A checksum is masked CRC-32C: the bits turned by 15, plus a constant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gamut::io {

std::string framed_record(std::string_view data);

struct Record {
  std::string_view data;  // within the bytes given
  size_t end = 0;         // where the next record begins
};
// The record that begins at `offset`; nothing where bytes are missing or a checksum is wrong.
std::optional<Record> record_at(std::string_view bytes, size_t offset);

}  // namespace gamut::io
