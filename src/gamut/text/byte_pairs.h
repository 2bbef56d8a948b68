// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding of single words (Sennrich et al. 2016) on GPT-2's printable byte alphabet, with CLIP's
// mark </w> on each word's last symbol.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gamut::text {

inline constexpr std::string_view kEndOfWord = "</w>";

// The printable character (UTF-8) that stands for each byte: itself for the visible ones of Latin-1, else
// U+0100 on.
const std::array<std::string, 256>& byte_alphabet();
// The same in the order in which CLIP numbers them: visible characters first.
const std::array<uint8_t, 256>& byte_order();

using Vocabulary = std::unordered_map<std::string, int64_t>;
using Merges = std::vector<std::pair<std::string, std::string>>;  // best first

class BytePairs {
 public:
  // Bytes without a symbol of their own become `unknown_id`. DataError for a merge whose parts or result are
  // not in the vocabulary.
  BytePairs(const Vocabulary& vocabulary, const Merges& merges, int64_t unknown_id);

  // Appends the ids of one word given as bytes; O(n log n).
  void encode_word(std::string_view word, std::vector<int64_t>& ids) const;

 private:
  struct Merge {
    int64_t rank, id;
  };
  const Merge* find(int64_t left, int64_t right) const;

  std::array<int64_t, 256> inner_{}, final_{};  // symbol of a byte within a word and at its end
  std::unordered_map<uint64_t, Merge> merges_;
};

}  // namespace gamut::text
