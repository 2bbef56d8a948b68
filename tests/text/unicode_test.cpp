// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/unicode.h"

#include <gtest/gtest.h>

namespace gamut::text {
namespace unicode_test {

TEST(unicode, replaces_each_maximal_invalid_piece_once) {
  // Unicode 15, chapter 3.9, table 3-8: a truncated character is one piece, a surrogate three.
  EXPECT_EQ(decode_utf8("a\xF0\x9F\x98z"), U"a\uFFFDz");
  EXPECT_EQ(decode_utf8("\xED\xA0\x80"), U"\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decode_utf8("\xC0\xAF"), U"\uFFFD\uFFFD");
  EXPECT_EQ(decode_utf8(std::string_view("\0x", 2)).size(), 2u);
}

TEST(unicode, goes_to_utf8_and_back) {
  const std::u32string text = U"a\u00e9\u6f22\U0001f600";
  EXPECT_EQ(decode_utf8(encode_utf8(text)), text);
}

TEST(unicode, finds_where_characters_end) {
  using Ends = std::vector<size_t>;
  EXPECT_EQ(cluster_ends(U""), Ends{});
  EXPECT_EQ(cluster_ends(U"ab"), (Ends{1, 2}));
  EXPECT_EQ(cluster_ends(U"e\u0301\u0302x"), (Ends{3, 4}));
  EXPECT_EQ(cluster_ends(U"\r\n\n"), (Ends{2, 3}));
  EXPECT_EQ(cluster_ends(U"\U0001f469\u200d\U0001f467\U0001f1e9\U0001f1ea"), (Ends{3, 5}));
}

TEST(unicode, composes) {
  EXPECT_EQ(compose(U"e\u0301"), U"\u00e9");
  EXPECT_EQ(compose(U"\u1112\u1161\u11ab"), U"\ud55c");
  EXPECT_EQ(compose(U"\u212b"), U"\u00c5");
  EXPECT_EQ(compose(U"\u0301\u0327"), U"\u0327\u0301");
  EXPECT_EQ(compose(U"\u0301\u0898\u0327"), U"\u0301\u0898\u0327") << "a mark of Unicode 14 is left alone";
}

TEST(unicode, lowers_without_regard_to_context) {
  EXPECT_EQ(lower_case(U"A\u0130B"), U"ai\u0307b");
  EXPECT_EQ(lower_case(U"\u03a3\u03a3"), U"\u03c3\u03c3");
  EXPECT_EQ(lower_case(U"\u1e9e\u01c5"), U"\u00df\u01c6");
}

TEST(unicode, tells_letters_numbers_and_blanks_apart) {
  const auto expect_class = [](std::u32string_view characters, CharClass expected) {
    for (const char32_t c : characters) EXPECT_EQ(char_class(c), expected) << uint32_t(c);
  };
  expect_class(U"az\u00df\u6f22\u02b0\u05d0", CharClass::kLetter);
  expect_class(U"09\u00b2\u0663\u2167", CharClass::kNumber);
  expect_class(U" \t\n\v\f\r\u0085\u00a0\u2028\u3000", CharClass::kSpace);
  expect_class(U"!'\u0301\u200b\u200d\ufeff\U0001f600\U0010ffff", CharClass::kOther);
  expect_class(std::u32string_view(U"\0", 1), CharClass::kOther);
}

}  // namespace unicode_test
}  // namespace gamut::text
