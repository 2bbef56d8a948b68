// SPDX-License-Identifier: Apache-2.0
// The length and the JSON at the start of a safetensors file. Used by safetensors.cpp.
#pragma once

#include "gamut/io/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace gamut::io {

struct SafetensorsHeader {
  std::vector<TensorEntry> entries;  // in the order of their data
  std::map<std::string, std::string> metadata;
  uint64_t data_offset = 0;  // in the file
};
// Every check that SafetensorsFile::open() promises is here; DataError names `path`.
SafetensorsHeader read_safetensors_header(std::span<const std::byte> file, const std::filesystem::path& path);

// All that comes before the tensors' bytes.
std::string safetensors_header(const std::vector<TensorToSave>& tensors,
                               const std::map<std::string, std::string>& metadata);

}  // namespace gamut::io
