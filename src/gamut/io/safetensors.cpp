// SPDX-License-Identifier: Apache-2.0
// Format: https://github.com/huggingface/safetensors#format
#include "gamut/io/safetensors.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/io/mapped_file.h"
#include "gamut/io/safetensors_header.h"

#include <unordered_map>

namespace gamut::io {

struct SafetensorsFile::Mapping {
  explicit Mapping(const std::filesystem::path& file_path) : path(file_path), file(file_path) {
    SafetensorsHeader header = read_safetensors_header(file.bytes(), path);
    entries = std::move(header.entries);
    metadata = std::move(header.metadata);
    data = file.bytes().subspan(header.data_offset);
    for (size_t i = 0; i < entries.size(); ++i) by_name[entries[i].name] = i;
  }

  std::filesystem::path path;
  MappedFile file;
  std::vector<TensorEntry> entries;
  std::map<std::string, std::string> metadata;
  std::span<const std::byte> data;
  std::unordered_map<std::string, size_t> by_name;
};

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.mapping_ = std::make_shared<const Mapping>(path);
  return file;
}

const std::filesystem::path& SafetensorsFile::path() const { return mapping_->path; }
const std::vector<TensorEntry>& SafetensorsFile::entries() const { return mapping_->entries; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return mapping_->metadata; }

const TensorEntry* SafetensorsFile::find(const std::string& name) const {
  const auto found = mapping_->by_name.find(name);
  return found == mapping_->by_name.end() ? nullptr : &mapping_->entries[found->second];
}

const TensorEntry& SafetensorsFile::at(const std::string& name) const {
  if (const TensorEntry* entry = find(name)) return *entry;
  std::vector<std::string> names;
  for (const TensorEntry& entry : entries()) names.push_back(entry.name);
  const std::string nearest = nearest_name(name, names);
  throw DataError(
      "safetensors",
      cat("'", path().string(), "' has no tensor '", printable(name), "'; it holds ", names.size(),
          " tensors", nearest.empty() ? "" : cat("; the nearest name is '", printable(nearest), "'")));
}

std::span<const std::byte> SafetensorsFile::bytes(const TensorEntry& entry) const {
  GAMUT_CHECK(entry.begin <= entry.end && entry.end <= mapping_->data.size(),
              "entry of another file: ", entry.name);
  return mapping_->data.subspan(entry.begin, entry.end - entry.begin);
}

void SafetensorsFile::release(const TensorEntry& entry) const noexcept {
  if (entry.begin <= entry.end && entry.end <= mapping_->data.size())
    mapping_->file.release(mapping_->data.subspan(entry.begin, entry.end - entry.begin));
}

void save_safetensors(const std::filesystem::path& path, const std::vector<TensorToSave>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  AtomicFile file(path);
  file.write(safetensors_header(tensors, metadata));
  for (const TensorToSave& tensor : tensors) {
    file.write({reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()});
  }
  file.commit();
}

}  // namespace gamut::io
