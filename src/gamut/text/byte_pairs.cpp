// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/byte_pairs.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/text/unicode.h"

#include <queue>

namespace gamut::text {

namespace {

bool is_visible(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

uint64_t pair_key(int64_t left, int64_t right) { return uint64_t(left) << 32 | uint64_t(right); }

// A symbol in a linked list, so that a merge moves nothing.
struct Symbol {
  int64_t id;
  int64_t previous, next;  // -1 = none
};

struct Candidate {
  int64_t rank, left, merged_id, left_id, right_id;
  // The best merge first; among equals the leftmost.
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

}  // namespace

const std::array<uint8_t, 256>& byte_order() {
  static const std::array<uint8_t, 256> order = [] {
    std::array<uint8_t, 256> bytes{};
    size_t count = 0;
    for (const bool visible : {true, false}) {
      for (int byte = 0; byte < 256; ++byte) {
        if (is_visible(byte) == visible) bytes[count++] = uint8_t(byte);
      }
    }
    return bytes;
  }();
  return order;
}

const std::array<std::string, 256>& byte_alphabet() {
  static const std::array<std::string, 256> alphabet = [] {
    std::array<std::string, 256> symbols;
    char32_t next = 256;
    for (const uint8_t byte : byte_order()) {
      const char32_t symbol = is_visible(byte) ? char32_t(byte) : next++;
      symbols[byte] = encode_utf8({&symbol, 1});
    }
    return symbols;
  }();
  return alphabet;
}

BytePairs::BytePairs(const Vocabulary& vocabulary, const Merges& merges, int64_t unknown_id) {
  const auto id_or = [&](const std::string& token, int64_t otherwise) {
    const auto found = vocabulary.find(token);
    return found == vocabulary.end() ? otherwise : found->second;
  };
  for (size_t byte = 0; byte < 256; ++byte) {
    inner_[byte] = id_or(byte_alphabet()[byte], unknown_id);
    final_[byte] = id_or(byte_alphabet()[byte] + std::string(kEndOfWord), unknown_id);
  }
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const int64_t left_id = id_or(left, -1), right_id = id_or(right, -1), id = id_or(left + right, -1);
    if (left_id < 0 || right_id < 0 || id < 0) {
      throw DataError(
          "tokenizer",
          cat("both parts of a merge and its result must be in the vocabulary; got merge ", rank, " '",
              printable(left), "' + '", printable(right), "'; vocab.json and merges must belong together"));
    }
    merges_.insert_or_assign(pair_key(left_id, right_id), Merge{int64_t(rank), id});
  }
}

const BytePairs::Merge* BytePairs::find(int64_t left, int64_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairs::encode_word(std::string_view word, std::vector<int64_t>& ids) const {
  const int64_t count = int64_t(word.size());
  std::vector<Symbol> symbols;
  for (int64_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count;
    const uint8_t byte = uint8_t(word[size_t(i)]);
    symbols.push_back({is_last ? final_[byte] : inner_[byte], i - 1, is_last ? -1 : i + 1});
  }

  std::priority_queue<Candidate> queue;
  const auto propose = [&](int64_t left) {
    if (left < 0 || symbols[size_t(left)].next < 0) return;
    const int64_t left_id = symbols[size_t(left)].id;
    const int64_t right_id = symbols[size_t(symbols[size_t(left)].next)].id;
    if (const Merge* merge = find(left_id, right_id))
      queue.push({merge->rank, left, merge->id, left_id, right_id});
  };
  for (int64_t i = 0; i < count; ++i) propose(i);

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[size_t(best.left)];
    // A merge since then may have taken either symbol; a swallowed one has id -1.
    if (left.id != best.left_id || left.next < 0 || symbols[size_t(left.next)].id != best.right_id) continue;
    Symbol& right = symbols[size_t(left.next)];
    left.id = best.merged_id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[size_t(left.next)].previous = best.left;
    propose(best.left);
    propose(left.previous);
  }
  for (int64_t i = count ? 0 : -1; i >= 0; i = symbols[size_t(i)].next) ids.push_back(symbols[size_t(i)].id);
}

}  // namespace gamut::text
