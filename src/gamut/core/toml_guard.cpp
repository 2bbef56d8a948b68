// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/toml_guard.h"

#include "gamut/core/error.h"

#include <cstdio>

namespace gamut {
namespace {

bool is_control(char c) { return (uint8_t(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F; }

// Walks over the text as TOML's lexer would, as far as strings and comments go.
class TomlWalk {
 public:
  explicit TomlWalk(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  std::optional<TomlFault> run() {
    while (at_ < text_.size() && !fault_) {
      const char c = text_[at_];
      if (is_control(c))
        refuse_byte();
      else if (c == '#')
        skip_comment();
      else if (c == '"' || c == '\'')
        skip_string(c);
      else
        step_over(c);
    }
    return fault_;
  }

 private:
  void refuse(std::string what) {
    const std::string_view before = text_.substr(0, at_);
    const size_t newline = before.rfind('\n');
    int64_t line = 1;
    for (const char c : before) line += c == '\n';
    fault_ = TomlFault{line, int64_t(newline == std::string_view::npos ? at_ + 1 : at_ - newline),
                       std::move(what)};
  }

  void refuse_byte() {
    char hex[8];
    std::snprintf(hex, sizeof hex, "0x%02X", uint8_t(text_[at_]));
    refuse(cat("the byte ", hex, " may not stand ",
               is_control(text_[at_]) ? "in TOML" : "outside of strings and comments"));
  }

  // Keys and values outside of strings are ASCII.
  void step_over(char c) {
    if (uint8_t(c) >= 0x80) return refuse_byte();
    if (c == '.' && ++dots_ >= kMaxTomlDepth)
      return refuse(cat("a key may have at most ", kMaxTomlDepth, " parts"));
    if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) dots_ = 0;
    ++at_;
  }

  void skip_comment() {
    for (; at_ < text_.size() && text_[at_] != '\n'; ++at_)
      if (is_control(text_[at_])) return refuse_byte();
  }

  // To behind the closing quotes, or to the end of the line that lacks them, which toml++ will name.
  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool long_form = text_.substr(at_).starts_with(three);
    at_ += long_form ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (is_control(c)) return refuse_byte();
      if (c == '\n' && !long_form) return;
      const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\n';
      if (c == '\\' && quote == '"' && !is_control(next) && next != '\n') {
        ++at_;
      } else if (c == quote && (!long_form || text_.substr(at_).starts_with(three))) {
        at_ += long_form ? 3 : 1;
        // Up to two quotes more belong to a long string's end.
        for (int more = 0; long_form && more < 2 && at_ < text_.size() && text_[at_] == quote; ++more) ++at_;
        return;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  int64_t dots_ = 0;  // of the key that goes on here
  std::optional<TomlFault> fault_;
};

}  // namespace

std::optional<TomlFault> find_toml_fault(std::string_view text) { return TomlWalk(text).run(); }

}  // namespace gamut
