// SPDX-License-Identifier: Apache-2.0
// Checksums: CRC-32C, Castagnoli's polynomial (RFC 3720).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace gamut::io {

// Of `bytes` after others whose sum is `before`.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);
// Of a whole file, as eight hexadecimal digits. EnvironmentError when it cannot be read.
std::string file_crc32c(const std::filesystem::path& path);
std::string crc32c_text(uint32_t sum);  // those digits

}  // namespace gamut::io
