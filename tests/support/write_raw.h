// SPDX-License-Identifier: Apache-2.0
// Writes a file for a test to read: no fsync, so that thousands take no time.
#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>

namespace gamut::testing {

inline void write_raw(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::remove(path);  // ext4 flushes a file that is truncated and written again
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace gamut::testing
