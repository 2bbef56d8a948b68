// SPDX-License-Identifier: Apache-2.0
// CLIP's byte-pair tokenizer, equal to transformers' CLIPTokenizer token by token.
//
//   auto tokenizer = ClipTokenizer::load("models/glyphs/tokenizer");
//   TokenIds ids = tokenizer.encode("the digit 7");  // <|startoftext|> … <|endoftext|>, padded to max_length
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gamut::text {

struct TokenIds {
  std::vector<int64_t> ids;  // exactly max_length long
  int64_t length = 0;        // tokens before padding, both specials included
  bool truncated = false;    // the text was longer than the context
};

class ClipTokenizer {
 public:
  // The folder's files as tokenizer_files.h reads them: vocabulary, added tokens, model_max_length (77 where
  // none is given). Throws EnvironmentError for a missing file, DataError for malformed content.
  static ClipTokenizer load(const std::filesystem::path& folder);

  // Text to ids without added specials, padding or truncation. The name of a special token in the text
  // becomes that token. Invalid UTF-8 is read as U+FFFD; characters newer than ICU's tables count as
  // punctuation.
  std::vector<int64_t> tokenize(std::string_view text) const;
  // With specials, truncated and padded to `max_length` (0 = the tokenizer's own).
  TokenIds encode(std::string_view text, int64_t max_length = 0) const;

  int64_t max_length() const;
  int64_t vocabulary_size() const;
  int64_t start_id() const;
  int64_t end_id() const;
  int64_t pad_id() const;

 private:
  struct Tables;
  std::shared_ptr<const Tables> tables_;
};

// Learns a CLIP-style vocabulary whose words are whole tokens: 256 byte symbols, the same with </w>, one
// merge chain per word, two specials. Writes vocab.json, merges.txt, tokenizer_config.json,
// special_tokens_map.json into `folder`.
void write_word_tokenizer(const std::filesystem::path& folder, const std::vector<std::string>& words,
                          int64_t max_length);

}  // namespace gamut::text
