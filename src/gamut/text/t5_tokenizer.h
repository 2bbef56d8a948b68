// SPDX-License-Identifier: Apache-2.0
// T5's tokenizer, equal to transformers' T5Tokenizer id by id; pieces are found by the SentencePiece library.
//
//   auto tokenizer = T5Tokenizer::load("…/tokenizer_3");
//   TokenIds ids = tokenizer.encode("a red fox", 256);  // pieces, </s>, then <pad> up to 256
#pragma once

#include "gamut/text/clip_tokenizer.h"

namespace gamut::text {

class T5Tokenizer {
 public:
  // spiece.model or else tokenizer.json; tokenizer_config.json for model_max_length (512 without) and
  // extra_ids (100). EnvironmentError for a missing file, DataError for malformed content.
  static T5Tokenizer load(const std::filesystem::path& folder);
  // DataError unless every id has a row among `rows` embeddings; `origin` ("text_encoder_3/config.json")
  // opens it.
  void expect_embeddings(int64_t rows, const std::string& origin) const;

  // Without </s>, truncation and padding. The name of a special piece in the text (</s>, <pad>, <unk>,
  // <extra_id_7>) becomes that piece. Invalid UTF-8 is read as U+FFFD.
  std::vector<int64_t> tokenize(std::string_view text) const;
  // With </s>, truncated and padded to `max_length` (0 = the tokenizer's own).
  TokenIds encode(std::string_view text, int64_t max_length = 0) const;

  int64_t max_length() const;
  int64_t vocabulary_size() const;
  int64_t end_id() const;
  int64_t pad_id() const;

 private:
  struct Tables;
  std::shared_ptr<const Tables> tables_;
};

}  // namespace gamut::text
