// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/tokenizer_files.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/text/added_tokens.h"

#include <nlohmann/json.hpp>

#include <algorithm>

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
