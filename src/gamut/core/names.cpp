// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/names.h"

#include <algorithm>
#include <cstdint>

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
  if (shortened) {
    // Not in the middle of a UTF-8 sequence.
    while (max_bytes > 0 && (uint8_t(text[max_bytes]) & 0xC0) == 0x80) --max_bytes;
    text = text.substr(0, max_bytes);
  }
  std::string result(text);
  for (char& c : result) {
    if (uint8_t(c) < 0x20 || c == 0x7F) c = '?';
  }
  return shortened ? result + "…" : result;
}

}  // namespace gamut
