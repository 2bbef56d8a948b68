// SPDX-License-Identifier: Apache-2.0
// What a tokenizer needs of Unicode, on strings of code points. The tables are ICU's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gamut::text {

// Each maximal invalid piece of UTF-8 becomes one U+FFFD, as in Python's errors="replace".
std::u32string decode_utf8(std::string_view bytes);
std::string encode_utf8(std::u32string_view text);

// Canonical composition (NFC) as of Unicode 9, the tables of Hugging Face's tokenizers; later characters stay
// as they are.
std::u32string compose(std::u32string_view text);
// Code point by code point, without regard to context.
std::u32string lower_case(std::u32string_view text);

// Where each user-perceived character (extended grapheme cluster) ends.
std::vector<size_t> cluster_ends(std::u32string_view text);

enum class CharClass { kSpace, kLetter, kNumber, kOther };  // regex \s, \p{L}, \p{N} and the rest
CharClass char_class(char32_t c);

}  // namespace gamut::text
