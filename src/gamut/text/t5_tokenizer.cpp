// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/t5_tokenizer.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/text/character_map.h"
#include "gamut/text/piece_vocabulary.h"
#include "gamut/text/unicode.h"

#include <nlohmann/json.hpp>
#include <sentencepiece_processor.h>

#include <algorithm>
#include <map>

namespace gamut::text {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int64_t kT5Length = 512, kMostT5Length = 100000, kExtraIds = 100;
constexpr std::string_view kBlank = "\u2581";  // stands for the blank before a word

struct T5Settings {
  int64_t max_length = kT5Length, extra_ids = kExtraIds;
};

T5Settings read_t5_settings(const fs::path& folder) {
  T5Settings settings;
  const fs::path file = folder / "tokenizer_config.json";
  if (!fs::exists(file)) return settings;
  const Json json = io::read_json(file);
  if (!json.is_object()) throw DataError(file.string(), "the settings must be an object");
  const auto number = [&](const char* key, int64_t otherwise, int64_t most) {
    const Json value = json.value(key, Json());
    // A length without limit is written as a float of 30 digits.
    if (!value.is_number() || value.get<double>() > double(most)) return otherwise;
    if (!value.is_number_integer() || value.get<int64_t>() < 0)
      throw DataError(file.string(),
                      cat("'", key, "' must be a whole number of 0 or more; got ", io::brief(value)));
    return value.get<int64_t>();
  };
  settings.max_length = std::max<int64_t>(1, number("model_max_length", kT5Length, kMostT5Length));
  settings.extra_ids = number("extra_ids", kExtraIds, kMostT5Length);
  return settings;
}

// <extra_id_0> is the last.
void add_extra_ids(PieceVocabulary& vocabulary, int64_t count) {
  for (int64_t i = count - 1; i >= 0; --i) {
    vocabulary.pieces.push_back({cat("<extra_id_", i, ">"), 0});
    vocabulary.special.push_back(vocabulary.pieces.back().text);
  }
}

PieceVocabulary read_pieces(const fs::path& folder, int64_t extra_ids) {
  const fs::path model = folder / "spiece.model", json = folder / "tokenizer.json";
  if (fs::exists(model)) {
    PieceVocabulary vocabulary = parse_piece_model(io::read_text(model), model.string());
    add_extra_ids(vocabulary, extra_ids);
    return vocabulary;
  }
  if (fs::exists(json)) return parse_piece_json(io::read_utf8(json), json.string());
  throw EnvironmentError("tokenizer",
                         cat("file '", model.string(), "' does not exist; is the model folder complete?"));
}

// A blank goes before each word, and each blank in it begins another.
std::vector<std::string> parts_of_word(std::string word) {
  if (!word.starts_with(kBlank)) word.insert(0, kBlank);
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < word.size();) {
    const size_t end = std::min(word.find(kBlank, begin + kBlank.size()), word.size());
    parts.push_back(word.substr(begin, end - begin));
    begin = end;
  }
  return parts;
}

std::vector<std::string> words_of(const std::string& normalized) {
  std::vector<std::string> words;
  std::u32string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(encode_utf8(word));
    word.clear();
  };
  for (const char32_t c : decode_utf8(normalized)) {
    if (char_class(c) == CharClass::kSpace)
      finish();
    else
      word.push_back(c);
  }
  finish();
  return words;
}

}  // namespace

struct T5Tokenizer::Tables {
  explicit Tables(const fs::path& folder);
  void append_plain(std::string_view text, std::vector<int64_t>& ids) const;
  int64_t named(const std::string& piece) const;
  // The longest special piece that `text` begins with, or the end.
  std::map<std::string, int64_t>::const_iterator special_at(std::string_view text) const;

  std::string origin;
  T5Settings settings;
  PieceVocabulary vocabulary;
  CharacterMap characters;
  std::map<std::string, int64_t> special;
  sentencepiece::SentencePieceProcessor library;
  int64_t end_id = 0, pad_id = 0;
};

T5Tokenizer::Tables::Tables(const fs::path& folder)
    : origin(folder.string()),
      settings(read_t5_settings(folder)),
      vocabulary(read_pieces(folder, settings.extra_ids)),
      characters(CharacterMap::parse(vocabulary.character_map, origin)) {
  const auto status = library.LoadFromSerializedProto(library_model(vocabulary));
  if (!status.ok())
    throw DataError(origin, cat("the pieces must make a vocabulary; the SentencePiece library says: ",
                                printable(status.ToString(), 200)));
  end_id = named("</s>");
  pad_id = named("<pad>");
  for (const std::string& piece : vocabulary.special)
    if (!piece.empty()) special[piece] = named(piece);
}

int64_t T5Tokenizer::Tables::named(const std::string& piece) const {
  const auto found = std::ranges::find(vocabulary.pieces, piece, &Piece::text);
  if (found == vocabulary.pieces.end())
    throw DataError(origin, cat("the vocabulary must hold '", printable(piece), "'; got ",
                                vocabulary.pieces.size(), " pieces without; is it T5's?"));
  return found - vocabulary.pieces.begin();
}

std::map<std::string, int64_t>::const_iterator T5Tokenizer::Tables::special_at(std::string_view text) const {
  auto best = special.end();
  for (auto it = special.begin(); it != special.end(); ++it)
    if (text.starts_with(it->first) && (best == special.end() || it->first.size() > best->first.size()))
      best = it;
  return best;
}

void T5Tokenizer::Tables::append_plain(std::string_view text, std::vector<int64_t>& ids) const {
  for (const std::string& word : words_of(characters.apply(decode_utf8(text))))
    for (const std::string& part : parts_of_word(word)) {
      std::vector<int> found;
      const auto status = library.Encode(part, &found);
      GAMUT_CHECK(status.ok(), "the SentencePiece library says ", status.ToString());
      for (const int id : found)
        ids.push_back(id == int(vocabulary.pieces.size()) ? vocabulary.unknown_id : int64_t(id));
    }
}

T5Tokenizer T5Tokenizer::load(const fs::path& folder) {
  T5Tokenizer tokenizer;
  tokenizer.tables_ = std::make_shared<const Tables>(folder);
  return tokenizer;
}

void T5Tokenizer::expect_embeddings(int64_t rows, const std::string& encoder) const {
  if (vocabulary_size() > rows)
    throw DataError(
        encoder, cat("vocab_size must cover the tokenizer's vocabulary; got ", rows, "; expected at least ",
                     vocabulary_size(), ", as '", tables_->origin, "' has; are both of the same model?"));
}

std::vector<int64_t> T5Tokenizer::tokenize(std::string_view text) const {
  std::vector<int64_t> ids;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const auto found = tables_->special_at(text.substr(at));
    if (found == tables_->special.end()) {
      ++at;
      continue;
    }
    tables_->append_plain(text.substr(begin, at - begin), ids);
    ids.push_back(found->second);
    begin = at += found->first.size();
  }
  tables_->append_plain(text.substr(begin), ids);
  return ids;
}

TokenIds T5Tokenizer::encode(std::string_view text, int64_t max_length) const {
  const int64_t length = max_length > 0 ? max_length : tables_->settings.max_length;
  TokenIds out{.ids = tokenize(text), .length = 0, .truncated = false};
  out.truncated = int64_t(out.ids.size()) + 1 > length;
  if (out.truncated) out.ids.resize(size_t(length - 1));
  out.ids.push_back(tables_->end_id);
  out.length = int64_t(out.ids.size());
  out.ids.resize(size_t(length), tables_->pad_id);
  return out;
}

int64_t T5Tokenizer::max_length() const { return tables_->settings.max_length; }
int64_t T5Tokenizer::vocabulary_size() const { return int64_t(tables_->vocabulary.pieces.size()); }
int64_t T5Tokenizer::end_id() const { return tables_->end_id; }
int64_t T5Tokenizer::pad_id() const { return tables_->pad_id; }

}  // namespace gamut::text
