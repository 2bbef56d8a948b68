// SPDX-License-Identifier: Apache-2.0
// The whole map is held to transformers in t5_tokenizer_test.cpp; here are its rules and its refusals.
#include "gamut/text/character_map.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/text/piece_vocabulary.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

namespace gamut::text {
namespace character_map_test {

CharacterMap nfkc() {
  const std::string file = GAMUT_SOURCE_DIR "/tests/text/fixtures/t5/spiece.model";
  return CharacterMap::parse(parse_piece_model(io::read_text(file), file).character_map, file);
}

TEST(character_map, maps_characters_and_leaves_others) {
  const CharacterMap map = nfkc();
  EXPECT_EQ(map.apply(U"ＡＢ ﬁ x"), "AB fi x");
  EXPECT_EQ(map.apply(U"a\tb"), "a b");
  EXPECT_EQ(map.apply(U"e\u0301"), "\u00e9");
  EXPECT_EQ(map.apply(U""), "");
}

// Hugging Face's rule, not Unicode's: the accent is gone.
TEST(character_map, the_shortest_known_beginning_stands_for_a_short_character) {
  EXPECT_EQ(nfkc().apply(U"①\u0301"), "1");
  // More than five bytes are taken code point by code point.
  EXPECT_EQ(nfkc().apply(U"①\u0301\u0302"), "1\u0301\u0302");
}

TEST(character_map, without_a_table_nothing_changes) {
  EXPECT_EQ(CharacterMap::parse("", "f").apply(U"ＡﬁB"), "ＡﬁB");
}

TEST(character_map, damaged_tables_are_refused_or_harmless) {
  for (const std::string& bytes :
       {std::string("abc"), std::string("\x08\0\0\0abc", 7), std::string("\x03\0\0\0abcdef", 10)})
    EXPECT_EQ(testing::message_of<DataError>([&] { CharacterMap::parse(bytes, "f"); }),
              "[f] the normalizer's table (precompiled_charsmap) must be a trie and its texts; the file is "
              "damaged");
  // Units that lead anywhere: what is found must lie in the texts.
  std::string wild("\0\x04\0\0", 4);
  for (int i = 0; i < 256; ++i) wild += std::string({char(i), char(i % 3), char(i * 7), char(i * 13)});
  const CharacterMap map = CharacterMap::parse(wild + "x", "f");
  for (char32_t c = 1; c < 0x500; ++c) map.apply({&c, 1});
}

}  // namespace character_map_test
}  // namespace gamut::text
