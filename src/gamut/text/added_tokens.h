// SPDX-License-Identifier: Apache-2.0
// Tokens beside a vocabulary, as the files of a tokenizer folder write them. Used by tokenizer_files.cpp.
#pragma once

#include "gamut/text/tokenizer_files.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gamut::text {

// A special token is written as a plain string or as an object with its flags. lstrip and rstrip take blanks,
// which mean nothing here. DataError for one that must be a word of its own (single_word).
AddedToken parse_token(const nlohmann::json& value, const std::filesystem::path& folder);
// tokenizer.json names the id of each token that it adds.
AddedToken parse_listed_token(const nlohmann::json& value, const std::filesystem::path& folder);
// added_tokens_decoder: an object of id: token.
std::vector<AddedToken> parse_decoder(const nlohmann::json& decoder, const std::filesystem::path& folder);

// Puts tokens beside the vocabulary, in the order and with the ids that transformers gives them: those in the
// vocabulary have their place, the others follow it one by one. DataError for a file that says otherwise,
// which means other rows of the embedding. Both arguments must outlive this.
class AddedTokens {
 public:
  AddedTokens(TokenizerFiles& files, const std::filesystem::path& folder);
  // Replaces an earlier token of the same content.
  void add(AddedToken token);
  // The four named tokens in transformers' order: a later entry for one content decides its flags.
  void add_named(const nlohmann::json& config);
  // A list, or an object with a name for each. What is added already keeps its flags.
  void add_further(const nlohmann::json& tokens);

 private:
  TokenizerFiles& files_;
  const std::filesystem::path& folder_;
  int64_t next_id_;
};

}  // namespace gamut::text
