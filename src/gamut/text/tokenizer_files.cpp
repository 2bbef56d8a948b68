// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/tokenizer_files.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace gamut::text {

namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

Vocabulary parse_vocabulary(const Json& object, const Path& file) {
  if (!object.is_object() || object.empty()) {
    throw DataError("tokenizer",
                    cat("the vocabulary of '", file.string(), "' must be an object of token: id"));
  }
  Vocabulary vocabulary;
  for (const auto& [token, id] : object.items()) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX) {
      throw DataError("tokenizer",
                      cat("a token id must be a whole number of 0 or more; got ", printable(id.dump()),
                          " for '", printable(token), "' in '", file.string(), "'"));
    }
    vocabulary.emplace(token, id.get<int64_t>());
  }
  return vocabulary;
}

std::pair<std::string, std::string> parse_merge(const std::string& line, const Path& file, size_t number) {
  const size_t space = line.find(' ');
  if (space == 0 || space == std::string::npos || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string::npos) {
    throw DataError("tokenizer", cat("a merge must be two parts and one blank; got '", printable(line),
                                     "' in '", file.string(), "', entry ", number));
  }
  return {line.substr(0, space), line.substr(space + 1)};
}

Merges read_merges_txt(const Path& file) {
  const std::string text = io::read_text(file);
  Merges merges;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.starts_with("#version")) continue;
    merges.push_back(parse_merge(line, file, number));
  }
  return merges;
}

// tokenizer.json holds merges as pairs or, in older files, as lines.
Merges parse_merges_json(const Json& list, const Path& file) {
  if (!list.is_array())
    throw DataError("tokenizer", cat("model.merges of '", file.string(), "' must be a list"));
  Merges merges;
  for (const Json& merge : list) {
    const bool is_pair =
        merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
    if (is_pair) {
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else if (merge.is_string()) {
      merges.push_back(parse_merge(merge.get<std::string>(), file, merges.size() + 1));
    } else {
      throw DataError("tokenizer", cat("a merge must be a pair of strings; got ", printable(merge.dump()),
                                       " in '", file.string(), "'"));
    }
  }
  return merges;
}

Json read_object(const Path& file) {
  if (!std::filesystem::exists(file)) return Json::object();
  Json object = io::read_json(file);
  if (!object.is_object())
    throw DataError("tokenizer", cat("'", file.string(), "' must hold one JSON object"));
  return object;
}

// A special token is written as a plain string or as an object with its flags.
AddedToken parse_token(const Json& value, const Path& folder) {
  if (value.is_string()) return {value.get<std::string>(), -1, false};
  if (!value.is_object() || !value.contains("content") || !value["content"].is_string()) {
    throw DataError("tokenizer", cat("a special token must be a string or an object with 'content'; got ",
                                     printable(value.dump()), " in '", folder.string(), "'"));
  }
  const auto flag = [&](const char* name) { return value.contains(name) && value[name] == true; };
  for (const char* name : {"lstrip", "rstrip", "single_word"}) {
    if (flag(name)) {
      throw DataError("tokenizer", cat("special tokens with '", printable(name), "' are not supported; got ",
                                       printable(value.dump()), " in '", folder.string(), "'"));
    }
  }
  return {value["content"].get<std::string>(), -1, flag("normalized")};
}

// Replaces an earlier token of the same content.
void add_token(TokenizerFiles& files, AddedToken token, const Path& folder) {
  const auto known = files.vocabulary.find(token.content);
  if (known == files.vocabulary.end() && token.id >= 0) files.vocabulary.emplace(token.content, token.id);
  if (known != files.vocabulary.end()) token.id = known->second;
  if (token.id < 0 || token.content.empty()) {
    throw DataError("tokenizer", cat("a special token must be in the vocabulary; got '",
                                     printable(token.content), "' in '", folder.string(), "'"));
  }
  std::erase_if(files.added, [&](const AddedToken& other) { return other.content == token.content; });
  files.added.push_back(std::move(token));
}

void add_listed_tokens(TokenizerFiles& files, const Json& decoder, const Path& folder) {
  for (const auto& [id, value] : decoder.items()) {
    AddedToken token = parse_token(value, folder);
    const bool is_number = !id.empty() && id.size() < 10 &&
                           std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number)
      throw DataError("tokenizer",
                      cat("a key of added_tokens_decoder must be an id; got '", printable(id), "'"));
    token.id = std::stoll(id);
    add_token(files, std::move(token), folder);
  }
}

// The four named tokens in transformers' order: a later entry for one content decides its flags.
void add_named_tokens(TokenizerFiles& files, const Json& config, const Path& folder) {
  struct Named {
    const char* key;
    const char* content;
    int64_t TokenizerFiles::*id;
  };
  const std::array<Named, 4> named = {{{"bos_token", "<|startoftext|>", &TokenizerFiles::start_id},
                                       {"eos_token", "<|endoftext|>", &TokenizerFiles::end_id},
                                       {"unk_token", "<|endoftext|>", &TokenizerFiles::unknown_id},
                                       {"pad_token", "<|endoftext|>", &TokenizerFiles::pad_id}}};
  const std::vector<AddedToken> listed = files.added;
  for (const Named& name : named) {
    const bool is_given = config.contains(name.key) && !config[name.key].is_null();
    AddedToken token = is_given ? parse_token(config[name.key], folder) : AddedToken{name.content, -1, false};
    for (const AddedToken& other : listed) {
      if (is_given && other.content == token.content) token = other;
    }
    add_token(files, token, folder);
    files.*name.id = files.vocabulary.at(token.content);
  }
}

void read_settings(TokenizerFiles& files, const Path& folder) {
  Json config = read_object(folder / "tokenizer_config.json");
  if (config.contains("added_tokens_decoder")) {
    add_listed_tokens(files, config["added_tokens_decoder"], folder);
  } else {
    config.update(read_object(folder / "special_tokens_map.json"));
  }
  add_named_tokens(files, config, folder);

  if (!config.contains("model_max_length")) return;
  const Json& length = config["model_max_length"];
  if (!length.is_number() || length.get<double>() < 2) {
    throw DataError("tokenizer", cat("model_max_length must be a number of 2 or more; got ",
                                     printable(length.dump()), " in '", folder.string(), "'"));
  }
  // transformers writes 1e30 for "no limit".
  if (length.get<double>() < 1e9) files.max_length = int64_t(length.get<double>());
}

}  // namespace

TokenizerFiles read_tokenizer_files(const Path& folder) {
  TokenizerFiles files;
  const Path vocabulary_file = folder / "vocab.json", single_file = folder / "tokenizer.json";
  if (!std::filesystem::exists(vocabulary_file) && std::filesystem::exists(single_file)) {
    const Json tokenizer = read_object(single_file);
    const Json model = tokenizer.value("model", Json::object());
    files.vocabulary = parse_vocabulary(model.value("vocab", Json::object()), single_file);
    files.merges = parse_merges_json(model.value("merges", Json::array()), single_file);
    for (const Json& value : tokenizer.value("added_tokens", Json::array())) {
      AddedToken token = parse_token(value, folder);
      token.id = value.is_object() ? value.value("id", int64_t{-1}) : -1;
      add_token(files, std::move(token), folder);
    }
  } else {
    files.vocabulary = parse_vocabulary(io::read_json(vocabulary_file), vocabulary_file);
    files.merges = read_merges_txt(folder / "merges.txt");
  }
  read_settings(files, folder);
  return files;
}

}  // namespace gamut::text
