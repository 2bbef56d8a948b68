// SPDX-License-Identifier: Apache-2.0
// python.safetensors was written by the reference implementation (tests/generators/io_files.py).
#include "gamut/io/safetensors.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include <set>

namespace gamut::io {
namespace safetensors_test {

using gamut::testing::message_of;
using gamut::testing::TempFolder;
using gamut::testing::write_raw;

const Path kFixture = GAMUT_SOURCE_DIR "/tests/io/fixtures/python.safetensors";

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += "0123456789abcdef"[unsigned(byte) >> 4];
    text += "0123456789abcdef"[unsigned(byte) & 15];
  }
  return text;
}

std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string file_of(std::string_view header, std::string_view data) {
  std::string file;
  for (int shift = 0; shift < 64; shift += 8) file += char(uint64_t{header.size()} >> shift);
  return file.append(header).append(data);
}

// The message of opening these bytes, without the file's name.
std::string refusal(const std::string& bytes) {
  const TempFolder folder;
  const Path path = folder / "x.safetensors";
  write_raw(path, bytes);
  std::string message = message_of<DataError>([&] { SafetensorsFile::open(path); });
  const size_t name = message.find(path.string());
  return name == std::string::npos ? message : message.replace(name, path.string().size(), "F");
}

// What a hostile header with `data_bytes` of data is refused for.
std::string refused(std::string_view header, size_t data_bytes) {
  return refusal(file_of(header, std::string(data_bytes, 'x')));
}

TEST(safetensors, reads_what_the_reference_implementation_wrote) {
  const SafetensorsFile file = SafetensorsFile::open(kFixture);
  const auto listing = read_json(kFixture.string() + ".json");
  ASSERT_EQ(file.entries().size(), listing.size());
  for (const auto& [name, expected] : listing.items()) {
    const TensorEntry& entry = file.at(name);
    EXPECT_EQ(dtype_name(entry.dtype), expected["dtype"].get<std::string>()) << name;
    EXPECT_EQ(entry.shape, expected["shape"].get<std::vector<int64_t>>()) << name;
    EXPECT_EQ(hex(file.bytes(entry)), expected["hex"].get<std::string>()) << name;
  }
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_EQ(file.path(), kFixture);
}

TEST(safetensors, writes_the_bytes_of_the_reference_implementation) {
  const SafetensorsFile file = SafetensorsFile::open(kFixture);
  std::vector<TensorToSave> tensors;
  for (const TensorEntry& entry : file.entries()) {
    tensors.push_back({entry.name, entry.dtype, entry.shape, file.bytes(entry)});
  }
  const TempFolder folder;
  save_safetensors(folder / "x.safetensors", tensors, file.metadata());
  EXPECT_EQ(read_text(folder / "x.safetensors"), read_text(kFixture));
}

TEST(safetensors, released_bytes_can_be_read_again) {
  const TempFolder folder;
  std::vector<std::byte> data(100000);
  for (size_t i = 0; i < data.size(); ++i) data[i] = std::byte(i % 251);
  save_safetensors(folder / "x.safetensors", {{"a", Dtype::kU8, {100000}, data}});
  const SafetensorsFile file = SafetensorsFile::open(folder / "x.safetensors");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(std::ranges::equal(file.bytes(file.at("a")), data));
    file.release(file.at("a"));
  }
}

TEST(safetensors, keeps_the_given_order_and_aligns_the_data) {
  const TempFolder folder;
  const std::string a(3, 'a'), b(16, 'b');
  save_safetensors(folder / "x",
                   {{"z", Dtype::kU8, {3}, as_bytes(a)}, {"a", Dtype::kF64, {2, 1}, as_bytes(b)}});
  const std::string text = read_text(folder / "x");
  EXPECT_EQ((text.size() - a.size() - b.size()) % 8, 0u);
  EXPECT_TRUE(text.ends_with(a + b));
  const SafetensorsFile file = SafetensorsFile::open(folder / "x");
  ASSERT_EQ(file.entries().size(), 2u);
  EXPECT_EQ(file.entries()[0].name, "z");
  EXPECT_EQ(file.at("a").shape, (std::vector<int64_t>{2, 1}));
  EXPECT_TRUE(file.metadata().empty());
}

TEST(safetensors, an_empty_set_of_tensors_is_a_file) {
  const TempFolder folder;
  save_safetensors(folder / "x", {}, {{"note", "line\n\"quoted\""}});
  const SafetensorsFile file = SafetensorsFile::open(folder / "x");
  EXPECT_TRUE(file.entries().empty());
  EXPECT_EQ(file.metadata().at("note"), "line\n\"quoted\"");
}

TEST(safetensors, mistakes_of_the_caller_are_internal_errors) {
  const TempFolder folder;
  const std::string data(4, 'x');
  const TensorToSave good{"a", Dtype::kF32, {1}, as_bytes(data)};
  const TensorToSave short_data{"a", Dtype::kF32, {2}, as_bytes(data)};
  const TensorToSave reserved{"__metadata__", Dtype::kF32, {1}, as_bytes(data)};
  EXPECT_THROW(save_safetensors(folder / "x", {good, good}), InternalError);
  EXPECT_THROW(save_safetensors(folder / "x", {short_data}), InternalError);
  EXPECT_THROW(save_safetensors(folder / "x", {reserved}), InternalError);
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

TEST(safetensors, a_missing_tensor_names_the_nearest) {
  const SafetensorsFile file = SafetensorsFile::open(kFixture);
  EXPECT_EQ(file.find("block.f32.wieght"), nullptr);
  EXPECT_EQ(
      message_of<DataError>([&] { file.at("block.f32.wieght"); }),
      "[safetensors] '" + kFixture.string() +
          "' has no tensor 'block.f32.wieght'; it holds 13 tensors; the nearest name is 'block.f32.weight'");
}

TEST(safetensors, files_that_cannot_be_read_are_environment_errors) {
  const TempFolder folder;
  EXPECT_EQ(message_of<EnvironmentError>([&] { SafetensorsFile::open(folder / "x"); }),
            "[safetensors] cannot read '" + (folder / "x").string() + "'; got 'No such file or directory'");
  EXPECT_EQ(message_of<EnvironmentError>([&] { SafetensorsFile::open(folder.path()); }),
            "[safetensors] cannot read '" + folder.path().string() + "'; got 'not a regular file'");
}

TEST(safetensors, bytes_stay_valid_as_long_as_a_copy_lives) {
  std::span<const std::byte> bytes;
  std::optional<SafetensorsFile> copy;
  {
    const SafetensorsFile file = SafetensorsFile::open(kFixture);
    bytes = file.bytes(file.at("scalar"));
    copy = file;
  }
  float value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  EXPECT_EQ(value, 0.1f);
}

TEST(safetensors, truncation_at_any_byte_is_refused) {
  const std::string good = file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678");
  for (size_t size = 0; size < good.size(); ++size) {
    const std::string message = refusal(good.substr(0, size));
    EXPECT_TRUE(message.starts_with("[safetensors] 'F'")) << size << ": " << message;
  }
  EXPECT_EQ(refusal(""),
            "[safetensors] 'F': file ends within the header length; got 0 bytes; expected at least 8");
  EXPECT_EQ(refusal(good.substr(0, 30)),
            "[safetensors] 'F': header is longer than the file; got 54 bytes; expected "
            "at most 22; the file may be truncated");
  EXPECT_EQ(refusal(good.substr(0, good.size() - 1)),
            "[safetensors] 'F': tensor 'a' lies beyond the file; got data_offsets 0..8; expected at most 7; "
            "the file "
            "may be truncated");
  EXPECT_EQ(refusal(good + "x"),
            "[safetensors] 'F': file has bytes that belong to no tensor; got 9 bytes of data; expected 8");
}

TEST(safetensors, absurd_header_lengths_are_refused) {
  for (const uint64_t length : {uint64_t{1} << 63, ~uint64_t{0}, uint64_t{100'000'001}, ~uint64_t{0} - 7}) {
    std::string file;
    for (int shift = 0; shift < 64; shift += 8) file += char(length >> shift);
    EXPECT_EQ(refusal(file + "{}"), cat("[safetensors] 'F': header is too long; got ", length,
                                        " bytes; expected at most 100000000"));
  }
  EXPECT_EQ(refusal(std::string("\0\0\0\0\0\0\0\0{}", 10)),
            "[safetensors] 'F': header is empty; expected a JSON object");
}

TEST(safetensors, headers_that_are_no_json_object_are_refused) {
  EXPECT_EQ(refused(" []", 0), "[safetensors] 'F': header must be a JSON object; got  []");
  for (const char* header : {"{", "{]", "{}}", "{\"a\"}", "{\"a\":\"\x01\"}", "{} x"}) {
    EXPECT_TRUE(refused(header, 0).starts_with("[json] header of 'F':1:")) << refused(header, 0);
  }
  EXPECT_EQ(refused("{\"a\xff\":{}}", 0),
            "[json] header of 'F' line 1 is not UTF-8; got the byte 0xFF; save the file as UTF-8");
  EXPECT_EQ(refused(std::string_view("{}\0", 3), 0),
            "[json] header of 'F' holds a zero byte, which is no JSON");
  EXPECT_EQ(refused("{\"a\":" + std::string(100'000, '['), 0),
            "[json] header of 'F' is nested too deeply; expected at most 200 levels");
}

TEST(safetensors, names_used_twice_are_refused) {
  EXPECT_EQ(refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                    R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                    1),
            "[json] header of 'F' has the key 'a' twice in one object; expected each key once");
  EXPECT_EQ(refused(R"({"a":{"dtype":"U8","shape":[1],"shape":[2],"data_offsets":[0,1]}})", 1),
            "[json] header of 'F' has the key 'shape' twice in one object; expected each key once");
}

TEST(safetensors, malformed_entries_are_refused) {
  const std::string start = "[safetensors] 'F': tensor 'a' ";
  EXPECT_EQ(refused(R"({"a":3})", 0), start + "must be described by an object");
  EXPECT_EQ(refused(R"({"a":{"dtype":"U8","shape":[1]}})", 1),
            start + "lacks the key 'data_offsets'; expected dtype, shape and data_offsets");
  const auto entry = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return cat(R"({"a":{"dtype":)", dtype, R"(,"shape":)", shape, R"(,"data_offsets":)", offsets, "}}");
  };
  EXPECT_EQ(refused(entry("3", "[1]", "[0,1]"), 1), start + "must have a string as dtype");
  EXPECT_EQ(refused(entry("\"F8\"", "[1]", "[0,1]"), 1),
            start +
                "has an unsupported dtype; got 'F8'; expected one of BOOL, U8, I8, I16, I32, I64, F16, BF16, "
                "F32, F64 and the "
                "format's rarer ones");
  EXPECT_EQ(refused(entry("\"F4\"", "[3]", "[0,2]"), 2),
            start + "must end with a byte; got [3] of 4 bits each");
  for (const char* offsets : {"[0]", "[0,1,2]", "[-1,0]", "[0,1.0]", "[\"0\",1]", "{}", "null", "[0,1e30]"}) {
    EXPECT_EQ(refused(entry("\"U8\"", "[1]", offsets), 1),
              start + "must have two non-negative integers as data_offsets");
  }
  EXPECT_EQ(refused(entry("\"U8\"", "[1]", "[1,0]"), 1),
            start + "ends before it begins; got data_offsets 1..0");
  EXPECT_EQ(refused(entry("\"U8\"", "1", "[0,1]"), 1),
            start + "must have an array of at most 64 sizes as shape");
  EXPECT_EQ(refused(entry("\"U8\"", "[1,-1]", "[0,1]"), 1),
            start + "must have non-negative integers as shape; got [1,-1]");
  EXPECT_EQ(refused(entry("\"U8\"", "[1.5]", "[0,1]"), 1),
            start + "must have non-negative integers as shape; got [1.5]");
  EXPECT_EQ(refused(entry("\"F32\"", "[2]", "[0,4]"), 4),
            start + "has the wrong number of bytes; got 4 from data_offsets; expected 8 from F32 [2]");
}

TEST(safetensors, shapes_that_overflow_are_refused) {
  const std::string start = "[safetensors] 'F': tensor 'a' has an impossible shape; got ";
  for (const char* shape :
       {"[9223372036854775808]", "[18446744073709551615]", "[4294967296,4294967296]",
        "[4611686018427387904,4]", "[2,3074457345618258603,1,1]", "[9223372036854775807]"}) {
    const std::string header = cat(R"({"a":{"dtype":"F32","shape":)", shape, R"(,"data_offsets":[0,4]}})");
    EXPECT_EQ(refused(header, 4), cat(start, shape, "; its size overflows 63 bits"));
  }
  EXPECT_TRUE(refused(R"({"a":{"dtype":"U8","shape":[99999999999999999999999],"data_offsets":[0,1]}})", 1)
                  .starts_with("[safetensors] 'F': tensor 'a' must have non-negative integers as shape"));
}

std::string bytes_of_hex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) bytes += char(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

// Several hundred odd headers and what Python's safetensors makes of them
// (generators/safetensors_headers.py): the same verdict, or one of the three that safetensors.h says to be
// stricter.
TEST(safetensors, gives_the_verdict_of_the_reference_implementation) {
  const nlohmann::json rows = read_json(GAMUT_SOURCE_DIR "/tests/io/fixtures/safetensors_headers.json");
  ASSERT_GT(rows.size(), 350u);
  const TempFolder folder;
  const Path path = folder / "x.safetensors";
  int opened = 0, stricter = 0;
  for (const nlohmann::json& row : rows) {
    write_raw(path, bytes_of_hex(row[1]));
    std::set<std::string> names;
    std::string message;
    try {
      const SafetensorsFile file = SafetensorsFile::open(path);
      for (const TensorEntry& entry : file.entries()) names.insert(entry.name);
    } catch (const DataError& error) {
      message = error.what();
    }
    opened += message.empty();
    if (message.empty()) {
      ASSERT_TRUE(row[2].is_array()) << row[0] << " is refused by the reference";
      EXPECT_EQ(names, row[2].get<std::set<std::string>>()) << row[0];
    } else if (row[2].is_array()) {
      ++stricter;
      const bool stated = message.find("twice in one object") != std::string::npos ||
                          message.find("at most 64 sizes") != std::string::npos ||
                          message.find("overflows 63 bits") != std::string::npos;
      EXPECT_TRUE(stated) << row[0] << ": " << message;
    }
  }
  EXPECT_GT(opened, 50);
  EXPECT_GT(stricter, 0);
}

TEST(safetensors, other_kinds_of_files_are_named) {
  EXPECT_EQ(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:abab\nsize 3438167540\n"),
            "[safetensors] 'F': must be safetensors; got a Git LFS pointer: run `git lfs pull` in the clone, "
            "or download the "
            "file itself");
  EXPECT_TRUE(refusal("<!DOCTYPE html><html><head><title>Sign in</title></head></html>")
                  .starts_with("[safetensors] 'F': must be safetensors; got a web page: "));
  EXPECT_TRUE(refusal(std::string("PK\x03\x04\0\0\0\0\0\0", 10)).find("got a zip archive, as torch.save") !=
              std::string::npos);
  EXPECT_TRUE(refusal("{\"error\": \"Repository not found\"}").find("got JSON text") != std::string::npos);
}

TEST(safetensors, layouts_with_overlaps_or_gaps_are_refused) {
  const auto two = [](const char* first, const char* second) {
    return cat(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)", first,
               R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)", second, "}}");
  };
  EXPECT_EQ(refused(two("[0,2]", "[1,3]"), 3),
            "[safetensors] 'F': tensor 'b' overlaps the one before it; got begin 1; expected 2");
  EXPECT_EQ(refused(two("[0,2]", "[0,2]"), 2),
            "[safetensors] 'F': tensor 'b' overlaps the one before it; got begin 0; expected 2");
  EXPECT_EQ(refused(two("[3,5]", "[0,2]"), 5),
            "[safetensors] 'F': tensor 'a' leaves a gap before it; got begin 3; expected 2");
  EXPECT_EQ(refused(two("[1,3]", "[3,5]"), 5),
            "[safetensors] 'F': tensor 'a' leaves a gap before it; got begin 1; expected 0");
  EXPECT_EQ(refused(two("[0,2]", "[18446744073709551612,18446744073709551614]"), 4),
            "[safetensors] 'F': tensor 'b' lies beyond the file; got data_offsets "
            "18446744073709551612..18446744073709551614; expected at most 4; the file may be truncated");
}

TEST(safetensors, metadata_must_be_strings) {
  EXPECT_EQ(refused(R"({"__metadata__":3})", 0),
            "[safetensors] 'F': '__metadata__' must be an object of strings");
  EXPECT_EQ(refused(R"({"__metadata__":{"a":3}})", 0),
            "[safetensors] 'F': '__metadata__' must hold strings only; key 'a' does not");
}

TEST(safetensors, messages_stay_on_one_short_line) {
  const std::string name(100'000, 'n');
  const std::string message = refused("{\"" + name + "\\n\":3}", 0);
  EXPECT_LT(message.size(), 300u);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

// Whatever a damaged file holds, it is refused or every byte it promises can be read.
TEST(safetensors, damaged_files_never_lead_outside) {
  const TempFolder folder;
  const std::string good = read_text(kFixture);
  Stream stream(1, "damage");
  int refusals = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = good;
    for (int64_t change = stream.below(3); change >= 0; --change) {
      damaged[size_t(stream.below(int64_t(good.size())))] = char(stream.below(256));
    }
    if (stream.chance(0.2)) damaged.resize(size_t(stream.below(int64_t(good.size()))));
    write_raw(folder / "x", damaged);
    try {
      const SafetensorsFile file = SafetensorsFile::open(folder / "x");
      uint64_t sum = 0;
      for (const TensorEntry& entry : file.entries()) {
        for (const std::byte byte : file.bytes(entry)) sum += uint64_t(byte);
      }
      EXPECT_LE(sum, 255 * good.size());
    } catch (const DataError&) {
      ++refusals;
    }
  }
  EXPECT_GT(refusals, 1000);
}

}  // namespace safetensors_test
}  // namespace gamut::io
