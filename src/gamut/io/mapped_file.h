// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace gamut::io {

// A read-only memory map of a regular file. EnvironmentError when it cannot be read.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(address_), size_}; }
  // Drops the whole pages inside a part of the map from this process's memory.
  void release(std::span<const std::byte> part) const noexcept;

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

}  // namespace gamut::io
