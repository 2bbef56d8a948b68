// SPDX-License-Identifier: Apache-2.0
// The files of a CLIP tokenizer folder, read as transformers reads them.
#pragma once

#include "gamut/text/byte_pairs.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::text {

inline constexpr int64_t kClipContext = 77;  // where a folder does not say

// A token that is cut out of the text before anything else looks at it.
struct AddedToken {
  std::string content;
  int64_t id = -1;
  bool normalized = false;  // searched for in the normalized text instead of the raw one
};

struct TokenizerFiles {
  Vocabulary vocabulary;
  Merges merges;
  std::vector<AddedToken> added;
  int64_t start_id = 0, end_id = 0, unknown_id = 0, pad_id = 0;
  int64_t max_length = kClipContext;
};

// tokenizer.json, or else vocab.json + merges.txt; then, where present, tokenizer_config.json,
// added_tokens.json and special_tokens_map.json, each where transformers reads it. Throws EnvironmentError
// for a missing file, DataError for malformed content, for tokens that must be words of their own
// (single_word), and for ids that transformers would not give.
TokenizerFiles read_tokenizer_files(const std::filesystem::path& folder);

}  // namespace gamut::text
