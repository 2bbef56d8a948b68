// SPDX-License-Identifier: Apache-2.0
// Against the vocabulary that generators/clip_tokenizer.py builds on its own, and ids of transformers'
// CLIPTokenizer.
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/text/clip_tokenizer.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace gamut::text {
namespace word_tokenizer_test {

using Json = nlohmann::json;

const Json& fixture() {
  static const Json json =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/text/fixtures/word_tokenizer.json");
  return json;
}

TEST(word_tokenizer, gives_the_ids_of_transformers) {
  testing::TempFolder folder;
  write_word_tokenizer(folder.path(), fixture()["words"].get<std::vector<std::string>>(), 16);
  EXPECT_EQ(io::read_json(folder / "vocab.json"), fixture()["vocabulary"]);

  const ClipTokenizer tokenizer = ClipTokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.max_length(), 16);
  for (const Json& entry : fixture()["cases"]) {
    const TokenIds ids = tokenizer.encode(entry["text"].get<std::string>());
    EXPECT_EQ(ids.ids, entry["ids"].get<std::vector<int64_t>>()) << entry["text"];
    EXPECT_EQ(ids.length, entry["length"].get<int64_t>());
  }
}

TEST(word_tokenizer, makes_every_word_one_token_of_its_own) {
  testing::TempFolder folder;
  // Words that are parts and beginnings of each other, and letters in orders that tempt earlier merges.
  const std::vector<std::string> words = {"ab",  "abab", "ba",    "abba", "babab", "a",
                                          "aaa", "aa",   "aaaaa", "b",    ","};
  write_word_tokenizer(folder.path(), words, 16);
  const ClipTokenizer tokenizer = ClipTokenizer::load(folder.path());
  std::set<int64_t> seen;
  for (const std::string& word : words) {
    EXPECT_EQ(tokenizer.tokenize(word).size(), 1u) << word;
    seen.insert(tokenizer.tokenize(word)[0]);
  }
  EXPECT_EQ(seen.size(), words.size());
}

TEST(word_tokenizer, refuses_words_that_normalizing_would_change) {
  testing::TempFolder folder;
  for (const std::string word : {"Upper", "", "e\xcc\x81", "\xff"}) {
    const std::string message =
        testing::message_of<DataError>([&] { write_word_tokenizer(folder.path(), {word}, 16); });
    EXPECT_TRUE(message.starts_with("[tokenizer] a word must be valid, composed and lower-case; got '"))
        << message;
  }
}

}  // namespace word_tokenizer_test
}  // namespace gamut::text
