// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/added_tokens.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace gamut::text {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

}  // namespace

AddedToken parse_token(const Json& value, const Path& folder) {
  if (value.is_string()) return {value.get<std::string>(), -1, false};
  if (!value.is_object() || !value.contains("content") || !value["content"].is_string()) {
    throw DataError("tokenizer", cat("a special token must be a string or an object with 'content'; got ",
                                     printable(value.dump()), " in '", folder.string(), "'"));
  }
  const auto flag = [&](const char* name) { return value.contains(name) && value[name] == true; };
  if (flag("single_word")) {
    throw DataError("tokenizer", cat("special tokens with 'single_word' are not supported; got ",
                                     printable(value.dump()), " in '", folder.string(), "'"));
  }
  return {value["content"].get<std::string>(), -1, flag("normalized")};
}

AddedToken parse_listed_token(const Json& value, const Path& folder) {
  AddedToken token = parse_token(value, folder);
  if (!value.is_object() || !value.contains("id")) return token;
  const Json& id = value["id"];
  if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX)
    throw DataError("tokenizer", cat("the id of an added token must be a whole number of 0 or more; got ",
                                     printable(id.dump()), " for '", printable(token.content), "' in '",
                                     folder.string(), "'"));
  token.id = id.get<int64_t>();
  return token;
}

std::vector<AddedToken> parse_decoder(const Json& decoder, const Path& folder) {
  if (!decoder.is_object())
    throw DataError("tokenizer", cat("added_tokens_decoder must be an object of id: token; got ",
                                     printable(decoder.dump()), " in '", folder.string(), "'"));
  std::vector<AddedToken> tokens;
  for (const auto& [id, value] : decoder.items()) {
    AddedToken token = parse_token(value, folder);
    const bool is_number = !id.empty() && id.size() < 10 &&
                           std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number)
      throw DataError("tokenizer",
                      cat("a key of added_tokens_decoder must be an id; got '", printable(id), "'"));
    token.id = std::stoll(id);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

AddedTokens::AddedTokens(TokenizerFiles& files, const Path& folder)
    : files_(files), folder_(folder), next_id_(int64_t(files.vocabulary.size())) {}

void AddedTokens::add(AddedToken token) {
  if (token.content.empty())
    throw DataError("tokenizer", cat("an added token is empty in '", folder_.string(), "'"));
  const auto known = files_.vocabulary.find(token.content);
  const int64_t id = known == files_.vocabulary.end() ? next_id_ : known->second;
  if (token.id >= 0 && token.id != id)
    throw DataError(
        "tokenizer",
        cat("an added token's id must be that of the vocabulary, or the next one after it; got ", token.id,
            " for '", printable(token.content), "' in '", folder_.string(), "'; expected ", id));
  token.id = id;
  next_id_ = std::max(next_id_, id + 1);
  files_.vocabulary.emplace(token.content, id);
  std::erase_if(files_.added, [&](const AddedToken& other) { return other.content == token.content; });
  files_.added.push_back(std::move(token));
}

void AddedTokens::add_named(const Json& config) {
  struct Named {
    const char* key;
    const char* content;
    int64_t TokenizerFiles::*id;
  };
  const std::array<Named, 4> named = {{{"bos_token", "<|startoftext|>", &TokenizerFiles::start_id},
                                       {"eos_token", "<|endoftext|>", &TokenizerFiles::end_id},
                                       {"unk_token", "<|endoftext|>", &TokenizerFiles::unknown_id},
                                       {"pad_token", "<|endoftext|>", &TokenizerFiles::pad_id}}};
  const std::vector<AddedToken> listed = files_.added;
  for (const Named& name : named) {
    const bool is_given = config.contains(name.key) && !config[name.key].is_null();
    AddedToken token =
        is_given ? parse_token(config[name.key], folder_) : AddedToken{name.content, -1, false};
    for (const AddedToken& other : listed) {
      if (is_given && other.content == token.content) token = other;
    }
    add(token);
    files_.*name.id = files_.vocabulary.at(token.content);
  }
}

void AddedTokens::add_further(const Json& tokens) {
  for (const Json& value : tokens) {
    const AddedToken token = parse_token(value, folder_);
    const bool is_new = std::none_of(files_.added.begin(), files_.added.end(),
                                     [&](const AddedToken& other) { return other.content == token.content; });
    if (is_new) add(token);
  }
}

}  // namespace gamut::text
