// SPDX-License-Identifier: Apache-2.0
// The JSON half of files.h.
#include "gamut/core/content.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unordered_set>

namespace gamut::io {
namespace {

using nlohmann::json;
constexpr int kMaxDepth = 200;

// What nlohmann's parser lets pass: deep nesting and a key given twice.
class StrictParse {
 public:
  explicit StrictParse(std::string_view name) : name_(name) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if ((event == Event::object_start || event == Event::array_start) && depth >= kMaxDepth) {
      throw DataError("json", cat(name_, " is nested too deeply; expected at most ", kMaxDepth, " levels"));
    }
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      throw DataError("json", cat(name_, " has the key '", printable(parsed.get<std::string>()),
                                  "' twice in one object; expected each key once"));
    }
    return true;
  }

 private:
  std::string name_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
};

// The part of the library's message after its own position, e.g. "syntax error while parsing value - …".
std::string parser_detail(std::string_view message) {
  const size_t column = message.find(", column ");
  const size_t colon = column == std::string_view::npos ? column : message.find(": ", column);
  return printable(colon == std::string_view::npos ? message : message.substr(colon + 2));
}

std::string dump(const json& value, int indent) {
  // Invalid UTF-8 in a string becomes U+FFFD: a log line must not end a run.
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

void append_durably(int descriptor, std::string_view line, const Path& path) {
  const off_t size_before = ::lseek(descriptor, 0, SEEK_END);
  ssize_t written = 0;
  do {
    written = ::write(descriptor, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  int error_number = written < 0 ? errno : 0;
  if (error_number == 0 && size_t(written) < line.size()) error_number = ENOSPC;
  if (error_number == 0 && ::fdatasync(descriptor) != 0 && errno != EINVAL) error_number = errno;
  if (error_number == 0) return;
  // Half a line would be cut off at the next opening anyway; readers in between should not see it.
  if (size_before >= 0 && written > 0) static_cast<void>(!::ftruncate(descriptor, size_before));
  throw EnvironmentError("files", cat("cannot append to '", path.string(), "'; got '",
                                      std::generic_category().message(error_number), "'"));
}

// What is no text at all gets its own name instead of the parser's first complaint.
void check_text(std::string_view text, std::string_view name) {
  if (const std::string foreign = foreign_content(text); !foreign.empty())
    throw DataError("json", cat(name, " must be JSON; got ", foreign));
  if (const std::string problem = utf8_problem(text); !problem.empty())
    throw DataError("json", cat(name, " ", problem));
}

// Complete lines of the text, without their newlines.
std::vector<std::string_view> complete_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

json parse_json(std::string_view text, std::string_view name) {
  // The parser takes one for the end of the text.
  if (text.find('\0') != std::string_view::npos) {
    check_text(text, name);
    throw DataError("json", cat(name, " holds a zero byte, which is no JSON"));
  }
  try {
    return json::parse(text.begin(), text.end(), StrictParse(name));
  } catch (const json::parse_error& error) {
    check_text(text, name);
    const std::string_view before =
        text.substr(0, std::min(text.size(), error.byte > 0 ? error.byte - 1 : 0));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t newline = before.rfind('\n');
    const size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
    throw DataError(
        "json", cat(name, ":", line, ":", column, " is not valid JSON; got ", parser_detail(error.what())));
  } catch (const json::exception& error) {
    throw DataError("json", cat(name, " is not valid JSON; got ", printable(error.what())));
  }
}

json read_json(const Path& path) { return parse_json(read_text(path), path.string()); }

std::string brief(const json& value, size_t max_bytes) { return printable(dump(value, -1), max_bytes); }

void write_json(const Path& path, const json& value) { write_atomically(path, dump(value, 2) + "\n"); }

JsonLines::JsonLines(Path path) : path_(std::move(path)) {
  const auto fail = [&] {
    throw EnvironmentError("files", cat("cannot open '", path_.string(), "' for appending; got '",
                                        std::generic_category().message(errno), "'"));
  };
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail();
  struct stat status {};
  off_t end = ::fstat(descriptor_, &status) == 0 ? status.st_size : 0;
  char last = '\n';
  while (end > 0 && ::pread(descriptor_, &last, 1, end - 1) == 1 && last != '\n') --end;
  if (end < status.st_size && ::ftruncate(descriptor_, end) != 0) fail();
}

JsonLines::~JsonLines() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void JsonLines::append(const json& object) {
  check_still_at(path_, descriptor_);
  append_durably(descriptor_, dump(object, -1) + "\n", path_);
}

void visit_json_lines(const Path& path, const std::function<void(json&&)>& visit) {
  const std::string text = read_text(path);
  size_t number = 0;
  for (const std::string_view line : complete_lines(text))
    visit(parse_json(line, cat(path.string(), " (line ", ++number, ")")));
}

std::vector<json> read_json_lines(const Path& path) {
  std::vector<json> values;
  visit_json_lines(path, [&](json&& value) { values.push_back(std::move(value)); });
  return values;
}

std::optional<json> last_json_line(const Path& path) {
  constexpr std::streamoff kTail = std::streamoff{1} << 20;  // longer than any row
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  file.seekg(std::max<std::streamoff>(0, file.tellg() - kTail));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return std::nullopt;
  const size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  json row =
      json::parse(text.begin() + std::ptrdiff_t(begin), text.begin() + std::ptrdiff_t(end), nullptr, false);
  if (row.is_discarded()) return std::nullopt;
  return row;
}

void truncate_json_lines(const Path& path, std::string_view key, int64_t last) {
  if (!std::filesystem::exists(path)) return;
  const std::string text = read_text(path);
  std::string kept;
  size_t number = 0;
  for (const std::string_view line : complete_lines(text)) {
    const std::string name = cat(path.string(), " (line ", ++number, ")");
    const json value = parse_json(line, name);
    const auto found = value.is_object() ? value.find(key) : value.end();
    if (!value.is_object() || found == value.end() || !found->is_number_integer()) {
      throw DataError("json", cat(name, " must have an integer '", key, "'"));
    }
    if (found->get<int64_t>() <= last) kept.append(line).push_back('\n');
  }
  write_atomically(path, kept);
}

}  // namespace gamut::io
