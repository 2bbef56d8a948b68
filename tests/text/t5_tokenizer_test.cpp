// SPDX-License-Identifier: Apache-2.0
// Against ids of transformers' T5Tokenizer (generators/t5_tokenizer.py); ids are integers, so equality is
// exact.
#include "gamut/text/t5_tokenizer.h"

#include "gamut/core/error.h"
#include "gamut/io/base64.h"
#include "gamut/io/files.h"
#include "gamut/text/piece_vocabulary.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::text {
namespace t5_tokenizer_test {

using Json = nlohmann::json;
using Ids = std::vector<int64_t>;
namespace fs = std::filesystem;
using testing::message_of;

const fs::path kFixtures = fs::path(GAMUT_SOURCE_DIR) / "tests/text/fixtures";
const fs::path kFolder = kFixtures / "t5";

const Json& fixture() {
  static const Json json = io::read_json(kFixtures / "t5_tokenizer.json");
  return json;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes.push_back(char(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

void expect_cases(const T5Tokenizer& tokenizer) {
  EXPECT_GE(fixture()["cases"].size(), 2000u);
  for (const Json& entry : fixture()["cases"])
    EXPECT_EQ(tokenizer.tokenize(entry[0].get<std::string>()), entry[1].get<Ids>())
        << entry[0].dump(-1, ' ', true);
}

// The same vocabulary as transformers 5 saves it.
std::string as_json() {
  PieceVocabulary vocabulary = parse_piece_model(io::read_text(kFolder / "spiece.model"), "m");
  Json pieces = Json::array(), added = Json::array();
  for (const Piece& piece : vocabulary.pieces) pieces.push_back({piece.text, piece.score});
  for (const std::string& token : vocabulary.special) added.push_back({{"content", token}});
  for (int i = 99; i >= 0; --i) {
    pieces.push_back({"<extra_id_" + std::to_string(i) + ">", 0.0});
    added.push_back({{"content", pieces.back()[0]}});
  }
  const Json map = {{"type", "Precompiled"}, {"precompiled_charsmap", io::base64(vocabulary.character_map)}};
  return Json{{"model", {{"type", "Unigram"}, {"unk_id", 2}, {"vocab", pieces}, {"byte_fallback", false}}},
              {"added_tokens", added},
              {"normalizer", {{"type", "Sequence"}, {"normalizers", {map}}}}}
      .dump();
}

class Folder {
 public:
  const fs::path& path() const { return folder_.path(); }
  Folder& with(const std::string& name, const std::string& bytes) {
    io::write_atomically(path() / name, bytes);
    return *this;
  }
  template <class Expected>
  std::string message() const {
    std::string text = message_of<Expected>([&] { T5Tokenizer::load(path()); });
    for (size_t at; (at = text.find(path().string())) != std::string::npos;)
      text.replace(at, path().string().size(), "F");
    return text;
  }

 private:
  testing::TempFolder folder_;
};

TEST(t5_tokenizer, gives_the_ids_of_transformers) { expect_cases(T5Tokenizer::load(kFolder)); }

TEST(t5_tokenizer, reads_tokenizer_json_where_there_is_no_model) {
  Folder folder;
  folder.with("tokenizer.json", as_json());
  const T5Tokenizer tokenizer = T5Tokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.vocabulary_size(), 1600);
  expect_cases(tokenizer);
}

TEST(t5_tokenizer, reads_invalid_utf8_as_replacement_characters) {
  const T5Tokenizer tokenizer = T5Tokenizer::load(kFolder);
  for (const Json& entry : fixture()["invalid"])
    EXPECT_EQ(tokenizer.tokenize(from_hex(entry[0])), entry[1].get<Ids>()) << entry[0];
}

TEST(t5_tokenizer, pads_and_truncates_as_transformers) {
  const T5Tokenizer tokenizer = T5Tokenizer::load(kFolder);
  for (const Json& entry : fixture()["padded"]) {
    const TokenIds ids = tokenizer.encode(entry["text"].get<std::string>(), entry["max_length"]);
    EXPECT_EQ(ids.ids, entry["ids"].get<Ids>()) << entry;
    EXPECT_EQ(ids.length, entry["length"].get<int64_t>()) << entry;
    EXPECT_EQ(ids.truncated,
              int64_t(tokenizer.tokenize(entry["text"].get<std::string>()).size()) >= entry["max_length"])
        << entry;
  }
}

TEST(t5_tokenizer, has_t5s_special_ids_and_lengths) {
  const T5Tokenizer tokenizer = T5Tokenizer::load(kFolder);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.end_id(), 1);
  EXPECT_EQ(tokenizer.vocabulary_size(), 1600);
  EXPECT_EQ(tokenizer.max_length(), 512);
  Folder folder;
  folder.with("spiece.model", io::read_text(kFolder / "spiece.model"))
      .with("tokenizer_config.json", R"({"model_max_length": 77, "extra_ids": 3})");
  EXPECT_EQ(T5Tokenizer::load(folder.path()).max_length(), 77);
  EXPECT_EQ(T5Tokenizer::load(folder.path()).vocabulary_size(), 1503);
  folder.with("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(T5Tokenizer::load(folder.path()).max_length(), 512);
}

TEST(t5_tokenizer, an_encoder_with_fewer_rows_is_refused) {
  const T5Tokenizer tokenizer = T5Tokenizer::load(kFolder);
  tokenizer.expect_embeddings(1600, "c");
  tokenizer.expect_embeddings(32128, "c");
  EXPECT_EQ(message_of<DataError>([&] { tokenizer.expect_embeddings(1599, "text_encoder_3/config.json"); }),
            "[text_encoder_3/config.json] vocab_size must cover the tokenizer's vocabulary; got 1599; "
            "expected at least "
            "1600, as '" +
                kFolder.string() + "' has; are both of the same model?");
}

TEST(t5_tokenizer, bad_files_are_named) {
  EXPECT_EQ(Folder().message<EnvironmentError>(),
            "[tokenizer] file 'F/spiece.model' does not exist; is the model folder complete?");
  EXPECT_EQ(Folder().with("spiece.model", "version https://git-lfs").message<DataError>(),
            "[F/spiece.model] the file must be a SentencePiece model; got other bytes; is it complete?");
  const std::string whole = io::read_text(kFolder / "spiece.model");
  EXPECT_EQ(Folder().with("spiece.model", whole.substr(0, whole.size() - 9)).message<DataError>(),
            "[F/spiece.model] the file must be a SentencePiece model; got other bytes; is it complete?");
  // trainer_spec { model_type: BPE }, then trainer_spec { byte_fallback: true }
  EXPECT_EQ(Folder().with("spiece.model", whole + "\x12\x02\x18\x02").message<DataError>(),
            "[F/spiece.model] the model must be a unigram model, as T5's is; got type 2");
  EXPECT_EQ(Folder().with("spiece.model", whole + "\x12\x03\x98\x02\x01").message<DataError>(),
            "[F/spiece.model] models with byte fallback are not read; T5's has none");
  // pieces { piece: "▁a" } a second time
  EXPECT_EQ(Folder()
                .with("spiece.model", whole + "\x0a\x06\x0a\x04\xe2\x96\x81"
                                              "a")
                .message<DataError>()
                .substr(0, 80),
            "[F] the pieces must make a vocabulary; the SentencePiece library says: Internal:");
  EXPECT_EQ(
      Folder().with("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {}}})").message<DataError>(),
      "[F/tokenizer.json] the model must be a unigram model with a list of pieces, as T5's is");
  EXPECT_EQ(
      Folder()
          .with("tokenizer.json", R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0]]}})")
          .message<DataError>(),
      "[F] the vocabulary must hold '</s>'; got 1 pieces without; is it T5's?");
}

}  // namespace t5_tokenizer_test
}  // namespace gamut::text
