// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/opencv_yaml.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <vector>

namespace gamut::io {
namespace {

using Json = nlohmann::json;
constexpr int kMostLevels = 16;
constexpr size_t kMostBytes = size_t{1} << 28;
constexpr std::string_view kBlank = " \r";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

struct Line {
  int64_t number = 0, indent = 0;  // number from 1
  std::string_view text;           // without blanks around it
};

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : name_(name) {
    for (int64_t number = 1; !text.empty(); ++number) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      const std::string_view content = trimmed(line);
      if (content.empty() || content.front() == '#') continue;
      lines_.push_back({number, int64_t(line.find_first_not_of(' ')), content});
    }
  }

  Json document() {
    if (lines_.empty() || !lines_[0].text.starts_with("%YAML"))
      throw DataError(name_, "a file of OpenCV's begins with '%YAML:1.0'; is it another one?");
    next_ = 1;
    if (!done() && line().text == "---") ++next_;
    if (done()) fail("the file ends early", "");
    Json value = block(0);
    if (!done() && line().text == "...") ++next_;
    if (!done()) fail("a line stands apart from the others", line().text);
    return value;
  }

 private:
  bool done() const { return next_ == lines_.size(); }
  const Line& line() const { return lines_[next_]; }

  [[noreturn]] void fail(const char* what, std::string_view got) const {
    const int64_t number = lines_[std::min(next_, lines_.size() - 1)].number;
    throw DataError(name_,
                    cat("line ", number, ": ", what, got.empty() ? "" : cat("; got '", printable(got), "'")));
  }

  static bool is_item(std::string_view text) { return text == "-" || text.starts_with("- "); }

  // The lines that begin where the next one does.
  Json block(int level) {
    if (level > kMostLevels) fail("values are nested too deep", "");
    const int64_t indent = line().indent;
    if (line().text.front() == '\t') fail("lines are indented by spaces", line().text);
    const bool list = is_item(line().text);
    Json value = list ? Json::array() : Json::object();
    while (!done() && line().indent == indent && line().text != "...") {
      if (is_item(line().text) != list) fail("a list and a map are mixed", line().text);
      if (list)
        value.push_back(after(trimmed(line().text.substr(1)), indent, level));
      else
        add_entry(value, indent, level);
    }
    if (!done() && line().indent > indent) fail("a line is indented more than the one before", line().text);
    return value;
  }

  void add_entry(Json& map, int64_t indent, int level) {
    const std::string_view text = line().text;
    const size_t colon = text.find(':');
    if (colon == text.npos || colon == 0) fail("expected 'key: value'", text);
    const std::string key(trimmed(text.substr(0, colon)));
    if (map.contains(key)) fail("a key stands twice", key);
    std::string_view rest = trimmed(text.substr(colon + 1));
    constexpr std::string_view kMatrix = "!!opencv-matrix";
    if (rest == kMatrix) rest = {};
    map[key] = after(rest, indent, level);
  }

  // A value that begins behind a key or dash, or on the lines below it.
  Json after(std::string_view rest, int64_t indent, int level) {
    if (!rest.empty()) return inline_value(rest);
    ++next_;
    if (done()) fail("the file ends early", "");
    if (line().indent <= indent) fail("a value is missing before this line", line().text);
    return block(level + 1);
  }

  Json inline_value(std::string_view text) {
    rest_ = text;
    Json value = flow(0);
    if (!rest_.empty()) fail("expected the end of the line", rest_);
    ++next_;
    return value;
  }

  // Goes to the next thing in brackets, if need be on another line.
  void advance() {
    rest_ = trimmed(rest_);
    while (rest_.empty()) {
      if (next_ + 1 >= lines_.size()) fail("the file ends inside brackets", "");
      rest_ = lines_[++next_].text;
    }
  }

  bool take(char symbol) {
    if (rest_.empty() || rest_.front() != symbol) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Json flow(int level) {
    if (level > kMostLevels) fail("values are nested too deep", "");
    if (take('[')) return members(Json::array(), ']', level);
    if (take('{')) return members(Json::object(), '}', level);
    return scalar(level == 0);
  }

  Json members(Json value, char end, int level) {
    for (advance(); !take(end); advance()) {
      if (!value.empty()) {
        if (!take(',')) fail("expected a comma", rest_);
        advance();
      }
      if (end == ']')
        value.push_back(flow(level + 1));
      else
        add_member(value, level);
    }
    rest_ = trimmed(rest_);
    return value;
  }

  void add_member(Json& map, int level) {
    const size_t colon = rest_.find(':');
    if (colon == rest_.npos || colon == 0) fail("expected 'key: value'", rest_);
    const std::string key(trimmed(rest_.substr(0, colon)));
    if (map.contains(key)) fail("a key stands twice", key);
    rest_.remove_prefix(colon + 1);
    advance();
    map[key] = flow(level + 1);
  }

  Json scalar(bool whole_line) {
    const std::string_view text = whole_line ? rest_ : trimmed(rest_.substr(0, rest_.find_first_of(",]}[{")));
    if (text.empty()) fail("expected a value", rest_);
    rest_.remove_prefix(text.size());
    rest_ = trimmed(rest_);
    if (std::string_view("&*!|>%@`").find(text.front()) != text.npos)
      fail("this part of YAML is not read", text);
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool starts_as_number = std::string_view("-0123456789").find(text.front()) != text.npos;
    if (starts_as_number && error == std::errc() && end == text.data() + text.size()) return number;
    const bool in_quotes = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return std::string(in_quotes ? text.substr(1, text.size() - 2) : text);
  }

  std::string_view name_;
  std::vector<Line> lines_;
  size_t next_ = 0;
  std::string_view rest_;  // what is left of a line that is being read
};

}  // namespace

nlohmann::json parse_opencv_yaml(std::string_view text, std::string_view name) {
  return Parser(text, name).document();
}

nlohmann::json read_opencv_yaml(const std::filesystem::path& path) {
  const std::string text = read_utf8(path, kMostBytes);
  return parse_opencv_yaml(text, path.string());
}

}  // namespace gamut::io
