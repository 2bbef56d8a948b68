// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/text/byte_pairs.h"
#include "gamut/text/clip_tokenizer.h"
#include "gamut/text/unicode.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::text {

namespace {

constexpr const char* kStart = "<|startoftext|>";
constexpr const char* kEnd = "<|endoftext|>";

// The symbols of a word, left to right, the last one with its mark.
std::vector<std::string> spell(const std::string& word) {
  std::vector<std::string> symbols;
  for (const char c : word) symbols.push_back(byte_alphabet()[uint8_t(c)]);
  symbols.back() += kEndOfWord;
  return symbols;
}

// Merges the symbols as the merges so far do, then appends what is missing to make them one.
void learn(const std::string& word, Merges& merges) {
  std::vector<std::string> symbols = spell(word);
  const auto join = [&](size_t left) {
    symbols[left] += symbols[left + 1];
    symbols.erase(symbols.begin() + int64_t(left) + 1);
  };
  // The best merge first, starting over after each, as in BytePairs.
  for (size_t rank = 0; rank < merges.size();) {
    size_t left = 0;
    while (left + 1 < symbols.size() && std::pair(symbols[left], symbols[left + 1]) != merges[rank]) ++left;
    const bool is_found = left + 1 < symbols.size();
    if (is_found) join(left);
    rank = is_found ? 0 : rank + 1;
  }
  while (symbols.size() > 1) {
    merges.emplace_back(symbols[0], symbols[1]);
    join(0);
  }
}

std::vector<std::string> vocabulary_of(const Merges& merges) {
  std::vector<std::string> tokens;
  const auto add_new = [&](const std::string& token) {
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  };
  for (const uint8_t byte : byte_order()) add_new(byte_alphabet()[byte]);
  for (const uint8_t byte : byte_order()) add_new(byte_alphabet()[byte] + std::string(kEndOfWord));
  for (const auto& [left, right] : merges) add_new(left + right);
  add_new(kStart);
  add_new(kEnd);
  return tokens;
}

}  // namespace

void write_word_tokenizer(const std::filesystem::path& folder, const std::vector<std::string>& words,
                          int64_t max_length) {
  Merges merges;
  for (const std::string& word : words) {
    if (word.empty() || encode_utf8(lower_case(compose(decode_utf8(word)))) != word) {
      throw DataError("tokenizer",
                      cat("a word must be valid, composed and lower-case; got '", printable(word), "'"));
    }
    learn(word, merges);
  }

  nlohmann::json vocabulary = nlohmann::json::object();
  const std::vector<std::string> tokens = vocabulary_of(merges);
  for (size_t id = 0; id < tokens.size(); ++id) vocabulary[tokens[id]] = id;
  std::string lines = "#version: 0.2\n";
  for (const auto& [left, right] : merges) lines.append(left).append(" ").append(right).append("\n");
  const nlohmann::json specials = {
      {"bos_token", kStart}, {"eos_token", kEnd}, {"pad_token", kEnd}, {"unk_token", kEnd}};
  nlohmann::json config = specials;
  config["model_max_length"] = max_length;
  config["tokenizer_class"] = "CLIPTokenizer";

  std::filesystem::create_directories(folder);
  io::write_json(folder / "vocab.json", vocabulary);
  io::write_atomically(folder / "merges.txt", lines);
  io::write_json(folder / "tokenizer_config.json", config);
  io::write_json(folder / "special_tokens_map.json", specials);
}

}  // namespace gamut::text
