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
  const std::string text = io::read_utf8(file);
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

// A special token is written as a plain string or as an object with its flags. lstrip and rstrip take blanks,
// which mean nothing here.
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

// {"<cat-toy>": 49408}: the list of older folders.
std::vector<AddedToken> read_added_tokens(const Path& folder) {
  std::vector<AddedToken> tokens;
  const Json listed = read_object(folder / "added_tokens.json");
  for (const auto& [content, id] : listed.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX)
      throw DataError("tokenizer", cat("added_tokens.json must give ids; got ", printable(id.dump()),
                                       " for '", printable(content), "' in '", folder.string(), "'"));
    tokens.push_back({content, id.get<int64_t>(), true});
  }
  return tokens;
}

// Tokens beside the vocabulary, in the order and with the ids that transformers gives them: those in the
// vocabulary have their place, the others follow it one by one. A file that says otherwise means other rows
// of the embedding.
class AddedTokens {
 public:
  AddedTokens(TokenizerFiles& files, const Path& folder)
      : files_(files), folder_(folder), next_id_(int64_t(files.vocabulary.size())) {}

  // Replaces an earlier token of the same content.
  void add(AddedToken token) {
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

  // The four named tokens in transformers' order: a later entry for one content decides its flags.
  void add_named(const Json& config) {
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

  // A list, or an object with a name for each. What is added already keeps its flags.
  void add_further(const Json& tokens) {
    for (const Json& value : tokens) {
      const AddedToken token = parse_token(value, folder_);
      const bool is_new =
          std::none_of(files_.added.begin(), files_.added.end(),
                       [&](const AddedToken& other) { return other.content == token.content; });
      if (is_new) add(token);
    }
  }

 private:
  TokenizerFiles& files_;
  const Path& folder_;
  int64_t next_id_;
};

void read_length(TokenizerFiles& files, const Json& config, const Path& folder) {
  if (!config.contains("model_max_length")) return;
  const Json& length = config["model_max_length"];
  if (!length.is_number() || length.get<double>() < 2) {
    throw DataError("tokenizer", cat("model_max_length must be a number of 2 or more; got ",
                                     printable(length.dump()), " in '", folder.string(), "'"));
  }
  // transformers writes 1e30 for "no limit".
  if (length.get<double>() < 1e9) files.max_length = int64_t(length.get<double>());
}

// `listed`: of tokenizer.json. added_tokens_decoder in the settings takes the place of all other files but
// the vocabulary.
void read_settings(TokenizerFiles& files, std::vector<AddedToken> listed, const Path& folder) {
  Json config = read_object(folder / "tokenizer_config.json");
  if (config.contains("added_tokens_decoder")) {
    listed = parse_decoder(config["added_tokens_decoder"], folder);
  } else {
    for (AddedToken& token : read_added_tokens(folder)) listed.push_back(std::move(token));
    config.update(read_object(folder / "special_tokens_map.json"));
  }
  std::stable_sort(listed.begin(), listed.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  AddedTokens added(files, folder);
  for (AddedToken& token : listed) added.add(std::move(token));
  added.add_named(config);
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"})
    if (config.contains(key) && (config[key].is_array() || config[key].is_object()))
      added.add_further(config[key]);
  read_length(files, config, folder);
}

// tokenizer.json names the id of each token that it adds.
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

// Vocabulary and merges; the tokens that the file adds. transformers builds normalizer and pre-tokenizer
// itself.
std::vector<AddedToken> read_tokenizer_json(TokenizerFiles& files, const Path& file, const Path& folder) {
  const Json tokenizer = read_object(file);
  const Json model = tokenizer.value("model", Json::object());
  if (!model.is_object())
    throw DataError("tokenizer", cat("'model' must be an object of vocab and merges; got ",
                                     printable(model.dump()), " in '", file.string(), "'"));
  files.vocabulary = parse_vocabulary(model.value("vocab", Json::object()), file);
  files.merges = parse_merges_json(model.value("merges", Json::array()), file);
  const Json added = tokenizer.value("added_tokens", Json::array());
  if (!added.is_array())
    throw DataError("tokenizer", cat("'added_tokens' must be a list; got ", printable(added.dump()), " in '",
                                     file.string(), "'"));
  std::vector<AddedToken> listed;
  for (const Json& value : added) listed.push_back(parse_listed_token(value, folder));
  return listed;
}

}  // namespace

TokenizerFiles read_tokenizer_files(const Path& folder) {
  TokenizerFiles files;
  const Path single_file = folder / "tokenizer.json", vocabulary_file = folder / "vocab.json";
  std::vector<AddedToken> listed;
  if (std::filesystem::exists(single_file)) {
    listed = read_tokenizer_json(files, single_file, folder);
  } else {
    files.vocabulary = parse_vocabulary(io::read_json(vocabulary_file), vocabulary_file);
    files.merges = read_merges_txt(folder / "merges.txt");
  }
  read_settings(files, std::move(listed), folder);
  return files;
}

}  // namespace gamut::text
