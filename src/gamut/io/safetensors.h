// SPDX-License-Identifier: Apache-2.0
// The safetensors format, torch-free: 8-byte little-endian header length, JSON header, raw bytes.
//
//   SafetensorsFile file = SafetensorsFile::open("model.safetensors");   // memory-mapped, every check done
//   const TensorEntry& entry = file.at("conv_in.weight");
//   std::span<const std::byte> bytes = file.bytes(entry);
//
// open() gives the verdict of the reference (Python's safetensors), but for three that are stricter: a name
// that stands twice in one object, since either may be meant; more than 64 sizes; and a size above 2^63 - 1,
// which no tensor can have. So DataError on: truncation, a header longer than 100 MB or than the file,
// malformed JSON, unknown dtype, negative or overflowing shapes, offsets that overlap, leave gaps or exceed
// the file, byte counts that differ from shape x dtype; and another kind of file is named as what it is.
// EnvironmentError when the file cannot be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gamut::io {

// All of the format. From kU16 on no tensor is made of them: they may stand in a file that holds others.
enum class Dtype {
  kBool,
  kU8,
  kI8,
  kI16,
  kI32,
  kI64,
  kF16,
  kBF16,
  kF32,
  kF64,
  kU16,
  kU32,
  kU64,
  kC64,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3Fnuz,
  kF8E5M2Fnuz,
  kF6E2M3,
  kF6E3M2,
  kF4
};
size_t dtype_size(Dtype dtype);       // bytes; 0 for those of less than one
std::string dtype_name(Dtype dtype);  // "F32"

struct TensorEntry {
  std::string name;
  Dtype dtype;
  std::vector<int64_t> shape;
  uint64_t begin, end;  // byte offsets into the data section
};

class SafetensorsFile {
 public:
  static SafetensorsFile open(const std::filesystem::path& path);
  const std::filesystem::path& path() const;
  const std::vector<TensorEntry>& entries() const;  // in the order of their data
  const TensorEntry* find(const std::string& name) const;
  const TensorEntry& at(const std::string& name) const;  // DataError naming the nearest key when absent
  // Valid as long as any copy of this file; not aligned in general (copy with memcpy).
  std::span<const std::byte> bytes(const TensorEntry& entry) const;
  // Gives the entry's memory back to the system once it has been copied; reading it again reads the file
  // again.
  void release(const TensorEntry& entry) const noexcept;
  const std::map<std::string, std::string>& metadata() const;

 private:
  struct Mapping;
  std::shared_ptr<const Mapping> mapping_;
};

// A tensor to be written; `data` must stay alive until save_safetensors returns.
struct TensorToSave {
  std::string name;
  Dtype dtype;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;
};

// Writes atomically (temporary name, fsync, rename), tensors in the given order, the header padded with
// spaces to a multiple of 8 as the reference implementation does. Same input gives the same bytes.
void save_safetensors(const std::filesystem::path& path, const std::vector<TensorToSave>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace gamut::io
