// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/names.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>

namespace gamut {
namespace {

// Damerau-Levenshtein in its restricted form (no edit inside a swapped pair), three rows at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = previous[j - 1] + (a[i - 1] != b[j - 1]);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

struct Character {
  std::optional<char32_t> code;  // nothing: these bytes are not UTF-8
  size_t bytes = 1;
};

// By the table of well-formed sequences of the Unicode standard.
Character first_character(std::string_view text) {
  const uint8_t first = uint8_t(text[0]);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {};
  char32_t code = first & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((uint8_t(text[i]) & 0xC0) != 0x80) return {};
    code = code << 6 | (uint8_t(text[i]) & 0x3F);
  }
  const bool too_long = code < (bytes == 4 ? 0x10000u : bytes == 3 ? 0x800u : 0x80u);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (too_long || surrogate || code > 0x10FFFF) return {};
  return {code, bytes};
}

bool is_formless(char32_t code) {
  struct Range {
    char32_t first, last;
  };
  constexpr Range kFormless[] = {{0x0, 0x1F},        {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},
                                 {0x200B, 0x200F},   {0x2028, 0x202E}, {0x2060, 0x206F}, {0xE000, 0xF8FF},
                                 {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE0FFF},
                                 {0xF0000, 0x10FFFF}};
  return std::any_of(std::begin(kFormless), std::end(kFormless),
                     [&](const Range& range) { return code >= range.first && code <= range.last; });
}

// The last place up to `at` that is not in the middle of a UTF-8 sequence.
size_t character_start(std::string_view text, size_t at) {
  at = std::min(at, text.size());
  while (at > 0 && at < text.size() && (uint8_t(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  const size_t limit = std::max<size_t>(1, (word.size() + 1) / 3);
  std::string best;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const size_t longer = std::max(candidate.size(), word.size()),
                 shorter = std::min(candidate.size(), word.size());
    if (longer - shorter >= best_distance) continue;
    const size_t distance = edit_distance(word, candidate);
    // One letter is never "near" a wholly different one.
    if (distance < best_distance && distance < longer) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string printable(std::string_view text, size_t max_bytes) {
  const bool shortened = text.size() > max_bytes;
  text = text.substr(0, character_start(text, max_bytes));
  std::string result;
  while (!text.empty()) {
    const Character next = first_character(text);
    if (!next.code)
      result += "\uFFFD";
    else if (is_formless(*next.code))
      result += '?';
    else
      result += text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
  }
  return shortened ? result + "…" : result;
}

std::string printable_message(std::string_view message) {
  constexpr size_t kHead = 700, kTail = 300;
  if (message.size() <= kHead + kTail) return printable(message, message.size());
  const std::string_view tail = message.substr(character_start(message, message.size() - kTail));
  return printable(message, kHead) + printable(tail, tail.size());
}

bool is_plain_name(std::string_view name) {
  const bool is_path =
      name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos;
  return !is_path &&
         std::none_of(name.begin(), name.end(), [](char c) { return uint8_t(c) < 0x20 || c == 0x7F; });
}

}  // namespace gamut
