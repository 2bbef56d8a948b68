// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/byte_pairs.h"

#include "gamut/core/random.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::text {
namespace byte_pairs_test {

// The definition, in quadratic time: join the best pair, the leftmost of equals, until none is left.
std::vector<std::string> join_by_definition(std::vector<std::string> symbols, const Merges& merges) {
  while (true) {
    size_t best_rank = merges.size(), best = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      for (size_t rank = 0; rank < best_rank; ++rank) {
        if (merges[rank] == std::pair(symbols[i], symbols[i + 1])) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == merges.size()) return symbols;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + int64_t(best) + 1);
  }
}

TEST(byte_pairs, names_every_byte_by_a_character_of_its_own) {
  const auto& alphabet = byte_alphabet();
  EXPECT_EQ(std::set<std::string>(alphabet.begin(), alphabet.end()).size(), 256u);
  EXPECT_EQ(alphabet['a'], "a");
  EXPECT_EQ(alphabet[' '], "Ġ");
  EXPECT_EQ(alphabet['\n'], "Ċ");
  EXPECT_EQ(alphabet[0xE9], "é");
}

TEST(byte_pairs, merges_as_the_definition_says) {
  Stream stream(7, "test.byte_pairs");
  for (int round = 0; round < 200; ++round) {
    // A random vocabulary on three letters, whose merges join tokens made before.
    std::vector<std::string> tokens = {"a", "b", "c", "a</w>", "b</w>", "c</w>"};
    Merges merges;
    for (int i = 0; i < 12; ++i) {
      const std::string left = tokens[size_t(stream.below(int64_t(tokens.size())))];
      const std::string right = tokens[size_t(stream.below(int64_t(tokens.size())))];
      const bool is_new = std::find(merges.begin(), merges.end(), std::pair(left, right)) == merges.end();
      if (left.ends_with(kEndOfWord) || !is_new) continue;
      merges.emplace_back(left, right);
      if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end())
        tokens.push_back(left + right);
    }
    Vocabulary vocabulary;
    for (size_t id = 0; id < tokens.size(); ++id) vocabulary[tokens[id]] = int64_t(id);
    const BytePairs pairs(vocabulary, merges, 0);

    std::string word;
    std::vector<std::string> symbols;
    for (int64_t i = 0, n = 1 + stream.below(15); i < n; ++i) {
      word.push_back("abc"[stream.below(3)]);
      symbols.emplace_back(1, word.back());
      if (i + 1 == n) symbols.back() += kEndOfWord;
    }
    std::vector<int64_t> ids, expected;
    pairs.encode_word(word, ids);
    for (const std::string& token : join_by_definition(symbols, merges))
      expected.push_back(vocabulary.at(token));
    EXPECT_EQ(ids, expected) << word;
  }
}

TEST(byte_pairs, gives_unknown_bytes_the_unknown_id) {
  const BytePairs pairs({{"a", 3}, {"a</w>", 4}}, {}, 9);
  std::vector<int64_t> ids;
  pairs.encode_word("aza", ids);
  EXPECT_EQ(ids, (std::vector<int64_t>{3, 9, 4}));
  pairs.encode_word("", ids);
  EXPECT_EQ(ids.size(), 3u);
}

}  // namespace byte_pairs_test
}  // namespace gamut::text
