// SPDX-License-Identifier: Apache-2.0
// Reading whole files, and writing so that nothing half-written is ever read.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gamut::io {

using Path = std::filesystem::path;

// What the system says of an errno: "No such file or directory".
std::string error_text(int error_number);

// Throws EnvironmentError when missing or unreadable; DataError beyond `max_bytes`.
std::string read_text(const Path& path, size_t max_bytes = size_t{1} << 30);
// Text, without a byte order mark. DataError too for what is no text: the line that is not UTF-8, a Git LFS
// pointer, a web page.
std::string read_utf8(const Path& path, size_t max_bytes = size_t{1} << 30);
// Temporary name in the same folder, fsync, rename. Throws EnvironmentError (full disk, permission) and
// leaves any earlier file untouched. A link is followed; a device or pipe (/dev/stdout) is simply written to.
void write_atomically(const Path& path, std::string_view bytes);

// The same in pieces, for files too large to build in memory. Without commit() nothing remains.
class AtomicFile {
 public:
  explicit AtomicFile(Path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::string_view bytes);
  void commit();  // once, at the end

 private:
  Path path_;       // as the caller named it, for messages
  Path target_;     // links resolved
  Path temporary_;  // empty for devices and pipes
  int descriptor_ = -1;
};

// Parses JSON strictly (UTF-8, no comments, no key twice in one object, depth at most 200); a DataError names
// the file and, for malformed text, line and column.
nlohmann::json read_json(const Path& path);
nlohmann::json parse_json(std::string_view text, std::string_view name);
void write_json(const Path& path, const nlohmann::json& value);  // atomic, indent 2, trailing newline
// A value from a file for a message: one printable line, cut to `max_bytes`. Large values are not written out
// first.
std::string brief(const nlohmann::json& value, size_t max_bytes = 80);

// EnvironmentError when `path` no longer leads to the open file: what is written now would be lost with it.
void check_still_at(const Path& path, int descriptor);

// Appends one JSON object per line; each append is one write and reaches the disk before it returns.
// EnvironmentError when the file was moved or removed meanwhile.
class JsonLines {
 public:
  // Opens for appending; an incomplete last line (a kill mid-write) is cut off first.
  explicit JsonLines(Path path);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;
  void append(const nlohmann::json& object);

 private:
  Path path_;
  int descriptor_ = -1;
};
// Visits each complete line of the file in turn, one parsed object at a time, for files too large to hold
// parsed. Errors as below.
void visit_json_lines(const Path& path, const std::function<void(nlohmann::json&&)>& visit);
// All complete lines; an incomplete last one is ignored, a malformed earlier one is a DataError.
std::vector<nlohmann::json> read_json_lines(const Path& path);
// The last complete line, without reading the rest; nothing for a missing or empty file, or a malformed line.
std::optional<nlohmann::json> last_json_line(const Path& path);
// Keeps the lines whose integer `key` is <= last (for resuming from a checkpoint), byte for byte; atomic. A
// missing file stays missing; a line without the key is a DataError.
void truncate_json_lines(const Path& path, std::string_view key, int64_t last);

}  // namespace gamut::io
