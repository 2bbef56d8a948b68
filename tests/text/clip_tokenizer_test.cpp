// SPDX-License-Identifier: Apache-2.0
// Against ids of transformers' CLIPTokenizer (generators/clip_tokenizer.py); ids are integers, so equality is
// exact.
#include "gamut/text/clip_tokenizer.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::text {
namespace clip_tokenizer_test {

using Json = nlohmann::json;
using Ids = std::vector<int64_t>;
namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(GAMUT_SOURCE_DIR) / "tests/text/fixtures";
const fs::path kReduced = kFixtures / "clip_reduced";

const Json& fixture() {
  static const Json json = io::read_json(kFixtures / "clip_tokenizer.json");
  return json;
}

void expect_cases(const ClipTokenizer& tokenizer, const Json& cases) {
  for (const Json& entry : cases) {
    EXPECT_EQ(tokenizer.tokenize(entry[0].get<std::string>()), entry[1].get<Ids>())
        << entry[0].dump(-1, ' ', true);
  }
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes.push_back(char(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

// A folder with the reduced vocabulary and one change.
class Folder {
 public:
  explicit Folder(const std::vector<std::string>& without = {}) {
    for (const auto& entry : fs::directory_iterator(kReduced)) {
      const fs::path name = entry.path().filename();
      if (std::find(without.begin(), without.end(), name) == without.end())
        fs::copy_file(entry.path(), path() / name);
    }
  }
  const fs::path& path() const { return folder_.path(); }
  void write(const std::string& name, const std::string& text) { io::write_atomically(path() / name, text); }
  template <class Expected>
  std::string load_message() const {
    std::string message = testing::message_of<Expected>([&] { ClipTokenizer::load(path()); });
    const size_t at = message.find(path().string());
    return at == std::string::npos ? message : message.replace(at, path().string().size(), "FOLDER");
  }

 private:
  testing::TempFolder folder_;
};

TEST(clip_tokenizer, gives_the_ids_of_transformers) {
  EXPECT_GE(fixture()["cases"].size(), 2000u);
  expect_cases(ClipTokenizer::load(kReduced), fixture()["cases"]);
}

TEST(clip_tokenizer, reads_invalid_utf8_as_replacement_characters) {
  const ClipTokenizer tokenizer = ClipTokenizer::load(kReduced);
  for (const Json& entry : fixture()["invalid"]) {
    EXPECT_EQ(tokenizer.tokenize(from_hex(entry[0])), entry[1].get<Ids>()) << entry[0];
  }
}

TEST(clip_tokenizer, merges_long_words_like_short_ones) {
  expect_cases(ClipTokenizer::load(kReduced), fixture()["long"]);
}

TEST(clip_tokenizer, follows_the_special_tokens_of_each_kind_of_folder) {
  for (const Json& variant : fixture()["variants"]) {
    SCOPED_TRACE(variant["name"].get<std::string>());
    Folder folder;
    folder.write("tokenizer_config.json", variant["config"].dump());
    if (!variant["special_tokens_map"].is_null()) {
      folder.write("special_tokens_map.json", variant["special_tokens_map"].dump());
    }
    const ClipTokenizer tokenizer = ClipTokenizer::load(folder.path());
    expect_cases(tokenizer, variant["cases"]);
    EXPECT_EQ(tokenizer.pad_id(), variant["pad_id"].get<int64_t>());
    EXPECT_EQ(tokenizer.max_length(), variant.value("model_max_length", int64_t{77}));
    for (const Json& padded : variant["padded"]) {
      const TokenIds ids =
          tokenizer.encode(padded["text"].get<std::string>(), padded["max_length"].get<int64_t>());
      EXPECT_EQ(ids.ids, padded["ids"].get<Ids>()) << padded["text"];
      EXPECT_EQ(ids.length, padded["length"].get<int64_t>());
    }
  }
}

TEST(clip_tokenizer, reads_the_single_file_form) {
  Json vocabulary = io::read_json(kReduced / "vocab.json");
  Json merges = Json::array();
  const std::string text = io::read_text(kReduced / "merges.txt");
  for (size_t begin = text.find('\n') + 1, end; begin < text.size(); begin = end + 1) {
    end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    merges.push_back({line.substr(0, line.find(' ')), line.substr(line.find(' ') + 1)});
  }
  Folder folder({"vocab.json", "merges.txt"});
  folder.write("tokenizer.json", Json{{"model", {{"vocab", vocabulary}, {"merges", merges}}}}.dump());
  expect_cases(ClipTokenizer::load(folder.path()), fixture()["cases"]);
}

Json filled(const Json& content, const Json& all) {
  if (content == "@vocabulary") return all["vocabulary"];
  if (content == "@merges") return all["merges"];
  if (!content.is_object()) return content;
  Json out = Json::object();
  for (const auto& [key, value] : content.items()) out[key] = filled(value, all);
  return out;
}

// Older and newer layouts with tokens added, and transformers' ids (generators/tokenizer_layouts.py).
TEST(clip_tokenizer, reads_every_layout_as_transformers_does) {
  const Json all = io::read_json(kFixtures / "tokenizer_layouts.json");
  ASSERT_EQ(all["cases"].size(), 28u);
  for (const Json& one : all["cases"]) {
    const testing::TempFolder folder;
    for (const auto& [name, content] : one["files"].items())
      io::write_atomically(
          folder / name, content == "@lines" ? all["lines"].get<std::string>() : filled(content, all).dump());
    const ClipTokenizer tokenizer = ClipTokenizer::load(folder.path());
    EXPECT_EQ(tokenizer.pad_id(), one["pad"]) << one["name"];
    for (size_t i = 0; i < all["texts"].size(); ++i)
      EXPECT_EQ(tokenizer.tokenize(all["texts"][i].get<std::string>()), one["ids"][i].get<Ids>())
          << one["name"] << ": " << all["texts"][i];
  }
}

TEST(clip_tokenizer, pads_and_truncates_to_the_context) {
  const ClipTokenizer tokenizer = ClipTokenizer::load(kReduced);
  EXPECT_EQ(tokenizer.vocabulary_size(), 3514);
  EXPECT_EQ(tokenizer.encode("hello").ids.size(), 77u);
  EXPECT_FALSE(tokenizer.encode("hello", 3).truncated);
  const TokenIds cut = tokenizer.encode("hello hello", 3);
  EXPECT_TRUE(cut.truncated);
  EXPECT_EQ(cut.ids, (Ids{tokenizer.start_id(), tokenizer.tokenize("hello")[0], tokenizer.end_id()}));
  EXPECT_EQ(testing::message_of<ConfigError>([&] { tokenizer.encode("hello", 1); }),
            "[tokenizer] max_length must hold both specials; got 1; expected >= 2");
}

TEST(clip_tokenizer, merges_a_word_of_140000_bytes) {
  const ClipTokenizer tokenizer = ClipTokenizer::load(kReduced);
  const auto repeated = [](int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += "letters";
    return text;
  };
  // Between its ends the ids have the period of its letters; merging in quadratic time would take minutes.
  const Ids five = tokenizer.tokenize(repeated(5));
  const int64_t period = int64_t(tokenizer.tokenize(repeated(6)).size() - five.size());
  const auto middle = five.begin() + 2 * period;
  Ids expected(five.begin(), middle);
  for (int i = 5; i < 20000; ++i) expected.insert(expected.end(), middle, middle + period);
  expected.insert(expected.end(), middle, five.end());
  EXPECT_TRUE(tokenizer.tokenize(repeated(20000)) == expected);
}

TEST(clip_tokenizer, refuses_malformed_folders) {
  EXPECT_TRUE(Folder({"vocab.json"}).load_message<EnvironmentError>().find("vocab.json") !=
              std::string::npos);
  EXPECT_TRUE(Folder({"merges.txt"}).load_message<EnvironmentError>().find("merges.txt") !=
              std::string::npos);

  Folder folder;
  folder.write("merges.txt", "#version: 0.2\nt h e\n");
  EXPECT_EQ(
      folder.load_message<DataError>(),
      "[tokenizer] a merge must be two parts and one blank; got 't h e' in 'FOLDER/merges.txt', entry 2");
  folder.write("merges.txt", "t zzz\n");
  EXPECT_EQ(
      folder.load_message<DataError>(),
      "[tokenizer] both parts of a merge and its result must be in the vocabulary; got merge 0 't' + 'zzz'; "
      "vocab.json and merges must belong together");
  folder.write("vocab.json", R"({"a": -1})");
  EXPECT_EQ(
      folder.load_message<DataError>(),
      "[tokenizer] a token id must be a whole number of 0 or more; got -1 for 'a' in 'FOLDER/vocab.json'");
  folder.write("vocab.json", "[]");
  EXPECT_EQ(folder.load_message<DataError>(),
            "[tokenizer] the vocabulary of 'FOLDER/vocab.json' must be an object of token: id");
}

TEST(clip_tokenizer, refuses_settings_it_cannot_honor) {
  Folder folder;
  folder.write("tokenizer_config.json", R"({"pad_token": {"content": "!", "single_word": true}})");
  EXPECT_EQ(
      folder.load_message<DataError>(),
      R"([tokenizer] special tokens with 'single_word' are not supported; got {"content":"!","single_word":true} in )"
      "'FOLDER'");
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"9999": {"content": "<toy>"}}})");
  EXPECT_EQ(folder.load_message<DataError>(),
            "[tokenizer] an added token's id must be that of the vocabulary, or the next one after it; got "
            "9999 for '<toy>' "
            "in 'FOLDER'; expected 3514");
  folder.write("tokenizer_config.json", "{}");
  folder.write("added_tokens.json", R"({"<toy>": 5})");
  EXPECT_EQ(folder.load_message<DataError>(),
            "[tokenizer] an added token's id must be that of the vocabulary, or the next one after it; got 5 "
            "for '<toy>' in "
            "'FOLDER'; expected 3514");
  folder.write("added_tokens.json", R"({"<toy>": "x"})");
  EXPECT_EQ(folder.load_message<DataError>(),
            "[tokenizer] added_tokens.json must give ids; got \"x\" for '<toy>' in 'FOLDER'");
  folder.write("added_tokens.json", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_EQ(folder.load_message<DataError>(),
            "[json] FOLDER/added_tokens.json must be JSON; got a Git LFS pointer: run `git lfs pull` in the "
            "clone, or download "
            "the file itself");
  folder.write("added_tokens.json", "{}");
  folder.write("tokenizer_config.json", R"({"model_max_length": 1})");
  EXPECT_EQ(folder.load_message<DataError>(),
            "[tokenizer] model_max_length must be a number of 2 or more; got 1 in 'FOLDER'");
}

}  // namespace clip_tokenizer_test
}  // namespace gamut::text
