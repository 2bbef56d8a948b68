// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/safetensors_header.h"

#include "gamut/core/content.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <tuple>

namespace gamut::io {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
constexpr uint64_t kAlignment = 8;
constexpr size_t kMaxRank = 64;
constexpr const char* kMetadataKey = "__metadata__";

struct DtypeInfo {
  Dtype dtype;
  const char* name;
  size_t bits;
};
constexpr std::array<DtypeInfo, 22> kDtypes{{{Dtype::kBool, "BOOL", 8},
                                             {Dtype::kU8, "U8", 8},
                                             {Dtype::kI8, "I8", 8},
                                             {Dtype::kI16, "I16", 16},
                                             {Dtype::kI32, "I32", 32},
                                             {Dtype::kI64, "I64", 64},
                                             {Dtype::kF16, "F16", 16},
                                             {Dtype::kBF16, "BF16", 16},
                                             {Dtype::kF32, "F32", 32},
                                             {Dtype::kF64, "F64", 64},
                                             {Dtype::kU16, "U16", 16},
                                             {Dtype::kU32, "U32", 32},
                                             {Dtype::kU64, "U64", 64},
                                             {Dtype::kC64, "C64", 64},
                                             {Dtype::kF8E5M2, "F8_E5M2", 8},
                                             {Dtype::kF8E4M3, "F8_E4M3", 8},
                                             {Dtype::kF8E8M0, "F8_E8M0", 8},
                                             {Dtype::kF8E4M3Fnuz, "F8_E4M3FNUZ", 8},
                                             {Dtype::kF8E5M2Fnuz, "F8_E5M2FNUZ", 8},
                                             {Dtype::kF6E2M3, "F6_E2M3", 6},
                                             {Dtype::kF6E3M2, "F6_E3M2", 6},
                                             {Dtype::kF4, "F4", 4}}};

const DtypeInfo& info(Dtype dtype) {
  const auto found =
      std::find_if(kDtypes.begin(), kDtypes.end(), [&](const auto& d) { return d.dtype == dtype; });
  GAMUT_CHECK(found != kDtypes.end(), "dtype ", int(dtype));
  return *found;
}

// Reads the header of one file; every check that open() promises is here.
class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> file, const std::filesystem::path& path)
      : file_(file), where_(cat("'", printable(path.string()), "'")) {}

  void read() {
    check_kind();
    read_length();
    const std::string_view text(reinterpret_cast<const char*>(file_.data()) + kLengthBytes, header_bytes_);
    check(!text.empty(), "header is empty; expected a JSON object");
    const json header = parse_json(text, cat("header of ", where_));
    check(header.is_object(), "header must be a JSON object; got ", printable(text, 60));
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadataKey) {
        read_metadata(value);
      } else {
        entries.push_back(read_entry(name, value));
      }
    }
    check_layout();
  }

  uint64_t data_offset() const { return kLengthBytes + header_bytes_; }

  std::vector<TensorEntry> entries;
  std::map<std::string, std::string> metadata;

 private:
  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    if (!holds) throw DataError("safetensors", cat(where_, ": ", parts...));
  }

  // Read as a length, the start of another kind of file is a huge number.
  void check_kind() const {
    const std::string_view start(reinterpret_cast<const char*>(file_.data()),
                                 std::min<size_t>(file_.size(), 256));
    if (start.size() > kLengthBytes && start[kLengthBytes] == '{' && start[kLengthBytes - 1] == 0) return;
    const std::string foreign = foreign_content(start);
    const bool is_json = start.starts_with('{') || start.starts_with('[');
    check(foreign.empty(), "must be safetensors; got ", foreign);
    check(!is_json,
          "must be safetensors; got JSON text, as a server answers with an error; download the file again");
  }

  void read_length() {
    check(file_.size() >= kLengthBytes, "file ends within the header length; got ", file_.size(),
          " bytes; expected at least ", kLengthBytes);
    for (size_t i = 0; i < kLengthBytes; ++i) header_bytes_ |= uint64_t(file_[i]) << (8 * i);
    check(header_bytes_ <= kMaxHeaderBytes, "header is too long; got ", header_bytes_,
          " bytes; expected at most ", kMaxHeaderBytes);
    check(header_bytes_ <= file_.size() - kLengthBytes, "header is longer than the file; got ", header_bytes_,
          " bytes; expected at most ", file_.size() - kLengthBytes, "; the file may be truncated");
  }

  void read_metadata(const json& value) {
    if (value.is_null()) return;
    check(value.is_object(), "'", kMetadataKey, "' must be an object of strings");
    for (const auto& [key, text] : value.items()) {
      check(text.is_string(), "'", kMetadataKey, "' must hold strings only; key '", printable(key),
            "' does not");
      metadata[key] = text.get<std::string>();
    }
  }

  TensorEntry read_entry(const std::string& name, const json& value) const {
    const std::string tensor = cat("tensor '", printable(name), "'");
    if (value.is_array() && value.size() == 3)  // which the reference's decoder takes for the object
      return read_entry(name, {{"dtype", value[0]}, {"shape", value[1]}, {"data_offsets", value[2]}});
    check(value.is_object(), tensor, " must be described by an object");
    for (const char* key : {"dtype", "shape", "data_offsets"})
      check(value.contains(key), tensor, " lacks the key '", key,
            "'; expected dtype, shape and data_offsets");
    TensorEntry entry{name, read_dtype(tensor, value["dtype"]), {}, 0, 0};
    const json& offsets = value["data_offsets"];
    check(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
              offsets[1].is_number_unsigned(),
          tensor, " must have two non-negative integers as data_offsets");
    entry.begin = offsets[0].get<uint64_t>();
    entry.end = offsets[1].get<uint64_t>();
    check(entry.begin <= entry.end, tensor, " ends before it begins; got data_offsets ", entry.begin, "..",
          entry.end);
    read_shape(tensor, value["shape"], entry);
    return entry;
  }

  Dtype read_dtype(const std::string& tensor, const json& value) const {
    check(value.is_string(), tensor, " must have a string as dtype");
    const std::string name = value.get<std::string>();
    const auto found =
        std::find_if(kDtypes.begin(), kDtypes.end(), [&](const auto& d) { return d.name == name; });
    check(found != kDtypes.end(), tensor, " has an unsupported dtype; got '", printable(name),
          "'; expected one of BOOL, U8, I8, I16, I32, I64, F16, BF16, F32, F64 and the format's rarer ones");
    return found->dtype;
  }

  void read_shape(const std::string& tensor, const json& shape, TensorEntry& entry) const {
    check(shape.is_array() && shape.size() <= kMaxRank, tensor, " must have an array of at most ", kMaxRank,
          " sizes as shape");
    const std::string text = printable(shape.dump(), 60);
    uint64_t bits = info(entry.dtype).bits;
    for (const json& size : shape) {
      check(size.is_number_unsigned(), tensor, " must have non-negative integers as shape; got ", text);
      const bool overflow = __builtin_mul_overflow(bits, size.get<uint64_t>(), &bits) ||
                            size.get<uint64_t>() > uint64_t(INT64_MAX);
      check(!overflow, tensor, " has an impossible shape; got ", text, "; its size overflows 63 bits");
      entry.shape.push_back(size.get<int64_t>());
    }
    check(bits % 8 == 0, tensor, " must end with a byte; got ", text, " of ", info(entry.dtype).bits,
          " bits each");
    const uint64_t bytes = bits / 8;
    check(bytes == entry.end - entry.begin, tensor, " has the wrong number of bytes; got ",
          entry.end - entry.begin, " from data_offsets; expected ", bytes, " from ", dtype_name(entry.dtype),
          " ", text);
  }

  // The data section must be covered exactly once, without gaps.
  void check_layout() {
    std::sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    const uint64_t data_bytes = file_.size() - data_offset();
    uint64_t covered = 0;
    for (const TensorEntry& entry : entries) {
      check(entry.end <= data_bytes, "tensor '", printable(entry.name),
            "' lies beyond the file; got data_offsets ", entry.begin, "..", entry.end, "; expected at most ",
            data_bytes, "; the file may be truncated");
      check(entry.begin == covered, "tensor '", printable(entry.name), "' ",
            entry.begin < covered ? "overlaps the one before it" : "leaves a gap before it", "; got begin ",
            entry.begin, "; expected ", covered);
      covered = entry.end;
    }
    check(covered == data_bytes, "file has bytes that belong to no tensor; got ", data_bytes,
          " bytes of data; expected ", covered);
  }

  std::span<const std::byte> file_;
  std::string where_;
  uint64_t header_bytes_ = 0;
};

}  // namespace

size_t dtype_size(Dtype dtype) { return info(dtype).bits / 8; }
std::string dtype_name(Dtype dtype) { return info(dtype).name; }

SafetensorsHeader read_safetensors_header(std::span<const std::byte> file,
                                          const std::filesystem::path& path) {
  HeaderReader reader(file, path);
  reader.read();
  return {std::move(reader.entries), std::move(reader.metadata), reader.data_offset()};
}

std::string safetensors_header(const std::vector<TensorToSave>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  uint64_t offset = 0;
  std::set<std::string> names{kMetadataKey};
  for (const TensorToSave& tensor : tensors) {
    uint64_t expected = dtype_size(tensor.dtype);
    for (const int64_t size : tensor.shape) expected *= uint64_t(size);
    GAMUT_CHECK(names.insert(tensor.name).second, "tensor name used twice: ", tensor.name);
    GAMUT_CHECK(tensor.data.size() == expected, tensor.name, ": ", tensor.data.size(), " bytes for ",
                expected);
    nlohmann::ordered_json& entry = header[tensor.name];
    entry["dtype"] = dtype_name(tensor.dtype);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {offset, offset + expected};
    offset += expected;
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  std::string length;
  for (size_t i = 0; i < kLengthBytes; ++i) length.push_back(char(uint64_t{text.size()} >> (8 * i)));
  return length + text;
}

}  // namespace gamut::io
