// SPDX-License-Identifier: Apache-2.0
// The part of params.h that touches files.
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/io/safetensors.h"
#include "gamut/nn/params.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <set>

namespace gamut::nn {
namespace {

using std::filesystem::path;

const std::pair<io::Dtype, at::ScalarType> kDtypes[] = {
    {io::Dtype::kBool, at::kBool},  {io::Dtype::kU8, at::kByte},       {io::Dtype::kI8, at::kChar},
    {io::Dtype::kI16, at::kShort},  {io::Dtype::kI32, at::kInt},       {io::Dtype::kI64, at::kLong},
    {io::Dtype::kF16, at::kHalf},   {io::Dtype::kBF16, at::kBFloat16}, {io::Dtype::kF32, at::kFloat},
    {io::Dtype::kF64, at::kDouble},
};

at::ScalarType to_torch(const io::SafetensorsFile& stored, const io::TensorEntry& entry) {
  for (const auto& [file, torch] : kDtypes) {
    if (file == entry.dtype) {
      return torch;
    }
  }
  throw DataError(
      stored.path().string(),
      cat("tensor '", printable(entry.name), "' has a type that is not computed in; got ",
          io::dtype_name(entry.dtype), "; expected F16, BF16 or F32; take another variant of the weights"));
}

io::Dtype to_file(at::ScalarType dtype, const std::string& name) {
  for (const auto& [file, torch] : kDtypes) {
    if (torch == dtype) {
      return file;
    }
  }
  throw InternalError("safetensors", cat("tensor '", name, "' has a dtype that the format lacks: ", dtype));
}

Tensor copied(const io::SafetensorsFile& stored, const io::TensorEntry& entry) {
  Tensor tensor = at::empty(entry.shape, to_torch(stored, entry));
  const std::span<const std::byte> bytes = stored.bytes(entry);
  if (!bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  }
  return tensor;
}

// A tensor inside the mapping, which its deleter keeps alive. Data that does not lie at a multiple of its
// type's size, which the format allows, is copied.
Tensor mapped(const io::SafetensorsFile& stored, const io::TensorEntry& entry) {
  const at::ScalarType dtype = to_torch(stored, entry);
  const std::span<const std::byte> bytes = stored.bytes(entry);
  if (bytes.empty() || reinterpret_cast<uintptr_t>(bytes.data()) % io::dtype_size(entry.dtype) != 0) {
    return copied(stored, entry);
  }
  return at::from_blob(
      const_cast<std::byte*>(bytes.data()), entry.shape, [stored, entry](void*) { stored.release(entry); },
      dtype);
}

using Reader = Tensor (*)(const io::SafetensorsFile&, const io::TensorEntry&);

void read_file(const path& file, Reader reader, TensorMap& into) {
  const io::SafetensorsFile stored = io::SafetensorsFile::open(file);
  for (const io::TensorEntry& entry : stored.entries()) {
    if (!into.emplace(entry.name, reader(stored, entry)).second) {
      throw DataError(file.string(),
                      cat("tensor '", printable(entry.name), "' occurs in two shards; expected one"));
    }
  }
}

std::set<std::string> shard_names(const path& index) {
  const nlohmann::json json = io::read_json(index);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
    throw DataError(index.string(),
                    "an index needs the object 'weight_map'; expected tensor name → shard file");
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    // A shard is a neighbour of its index; anything else could read files from elsewhere.
    if (!shard.is_string() || !is_plain_name(shard.get<std::string>())) {
      throw DataError(index.string(),
                      cat("tensor '", printable(tensor), "' names a shard that is no plain file name; got ",
                          io::brief(shard)));
    }
    shards.insert(shard.get<std::string>());
  }
  return shards;
}

TensorMap read(const path& file_or_index, Reader reader) {
  TensorMap tensors;
  if (file_or_index.extension() != ".json") {
    read_file(file_or_index, reader, tensors);
    return tensors;
  }
  for (const std::string& shard : shard_names(file_or_index)) {
    const path file = file_or_index.parent_path() / shard;
    if (!std::filesystem::exists(file)) {
      throw EnvironmentError("model", cat("file '", file.string(), "', which '", file_or_index.string(),
                                          "' names, does not exist; is the model folder complete?"));
    }
    read_file(file, reader, tensors);
  }
  return tensors;
}

}  // namespace

TensorMap load_safetensors(const path& file_or_index) { return read(file_or_index, copied); }

TensorMap map_safetensors(const path& file_or_index) { return read(file_or_index, mapped); }

void save_safetensors(const path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<Tensor> held;
  std::vector<io::TensorToSave> entries;
  for (const auto& [name, tensor] : tensors) {
    held.push_back(tensor.detach().to(at::kCPU).contiguous());
    const Tensor& flat = held.back();
    entries.push_back({name, to_file(flat.scalar_type(), name), flat.sizes().vec(),
                       std::span(static_cast<const std::byte*>(flat.const_data_ptr()), flat.nbytes())});
  }
  io::save_safetensors(path, entries, metadata);
}

}  // namespace gamut::nn
