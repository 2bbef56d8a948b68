// SPDX-License-Identifier: Apache-2.0
// The compiled normalizer of a SentencePiece model (precompiled_charsmap: most often Unicode's NFKC with
// rules for blanks), applied as Hugging Face's tokenizers apply it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gamut::text {

class CharacterMap {
 public:
  CharacterMap() = default;  // leaves everything as it is
  // A double-array trie from UTF-8 sequences to places in a list of texts that end with a NUL. DataError when
  // `bytes` are none; `origin` opens the message.
  static CharacterMap parse(std::string_view bytes, const std::string& origin);
  // What each user-perceived character of up to five bytes, else each code point, is mapped to. It is looked
  // up by its shortest beginning that the map knows, which then stands for the whole: "①" with an accent
  // becomes "1".
  std::string apply(std::u32string_view text) const;

 private:
  std::optional<std::string_view> find(std::string_view chunk) const;
  std::vector<uint32_t> units_;
  std::string texts_;
};

}  // namespace gamut::text
