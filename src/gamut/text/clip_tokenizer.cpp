// SPDX-License-Identifier: Apache-2.0
// Steps as in transformers: cut out the added tokens, normalize (NFC, blanks, lower case), cut into words,
// merge.
#include "gamut/text/clip_tokenizer.h"

#include "gamut/core/error.h"
#include "gamut/text/byte_pairs.h"
#include "gamut/text/tokenizer_files.h"
#include "gamut/text/unicode.h"

#include <algorithm>
#include <array>
#include <functional>

namespace gamut::text {

namespace {

struct Needle {
  std::u32string content;
  int64_t id;
};

std::u32string normalize(std::u32string_view text) {
  const std::u32string composed = compose(text);
  std::u32string blanks;
  for (const char32_t c : composed) {
    const bool is_space = char_class(c) == CharClass::kSpace;
    if (!is_space)
      blanks.push_back(c);
    else if (blanks.empty() || blanks.back() != U' ')
      blanks.push_back(U' ');
  }
  return lower_case(blanks);
}

// Calls `found` for each needle in the text, leftmost first and longest at one place, and `between` for the
// rest.
void cut(std::u32string_view text, const std::vector<Needle>& needles,
         const std::function<void(std::u32string_view)>& between, const std::function<void(int64_t)>& found) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const Needle* best = nullptr;
    for (const Needle& needle : needles) {
      const bool longer = !best || needle.content.size() > best->content.size();
      if (longer && text.substr(i).starts_with(needle.content)) best = &needle;
    }
    if (!best) {
      ++i;
      continue;
    }
    if (i > begin) between(text.substr(begin, i - begin));
    found(best->id);
    i = begin = i + best->content.size();
  }
  if (begin < text.size()) between(text.substr(begin));
}

// The length of the word that begins at `i`, 0 on a blank:
//   's|'t|'re|'ve|'m|'ll|'d | letters | one number | anything else
size_t word_length(std::u32string_view text, size_t i) {
  static constexpr std::array<std::u32string_view, 7> kContractions = {U"'s", U"'t",  U"'re", U"'ve",
                                                                       U"'m", U"'ll", U"'d"};
  for (const std::u32string_view contraction : kContractions) {
    if (text.substr(i).starts_with(contraction)) return contraction.size();
  }
  const CharClass first = char_class(text[i]);
  if (first == CharClass::kSpace) return 0;
  if (first == CharClass::kNumber) return 1;
  size_t end = i + 1;
  while (end < text.size() && char_class(text[end]) == first) ++end;
  return end - i;
}

// The names of the specials are words of their own wherever they stand, in three parts "<|", name, "|>".
std::vector<std::u32string_view> split_words(std::u32string_view text) {
  static constexpr std::array<std::u32string_view, 2> kSpecials = {U"<|startoftext|>", U"<|endoftext|>"};
  std::vector<std::u32string_view> words;
  for (size_t i = 0; i < text.size();) {
    const auto special = std::find_if(kSpecials.begin(), kSpecials.end(), [&](std::u32string_view name) {
      return text.substr(i).starts_with(name);
    });
    if (special != kSpecials.end()) {
      const size_t size = special->size();
      words.insert(words.end(),
                   {text.substr(i, 2), text.substr(i + 2, size - 4), text.substr(i + size - 2, 2)});
      i += size;
    } else if (const size_t length = word_length(text, i)) {
      words.push_back(text.substr(i, length));
      i += length;
    } else {
      ++i;
    }
  }
  return words;
}

}  // namespace

struct ClipTokenizer::Tables {
  explicit Tables(const TokenizerFiles& files)
      : pairs(files.vocabulary, files.merges, files.unknown_id),
        max_length(files.max_length),
        start_id(files.start_id),
        end_id(files.end_id),
        pad_id(files.pad_id) {
    for (const auto& [token, id] : files.vocabulary) vocabulary_size = std::max(vocabulary_size, id + 1);
    for (const AddedToken& token : files.added) {
      const std::u32string content = decode_utf8(token.content);
      if (token.normalized)
        normalized.push_back({normalize(content), token.id});
      else
        raw.push_back({content, token.id});
    }
  }

  BytePairs pairs;
  std::vector<Needle> raw, normalized;  // added tokens by where they are looked for
  int64_t max_length, start_id, end_id, pad_id;
  int64_t vocabulary_size = 0;
};

ClipTokenizer ClipTokenizer::load(const std::filesystem::path& folder) {
  ClipTokenizer tokenizer;
  tokenizer.tables_ = std::make_shared<const Tables>(read_tokenizer_files(folder));
  return tokenizer;
}

std::vector<int64_t> ClipTokenizer::tokenize(std::string_view text) const {
  std::vector<int64_t> ids;
  const auto add_id = [&](int64_t id) { ids.push_back(id); };
  const auto add_words = [&](std::u32string_view piece) {
    for (const std::u32string_view word : split_words(piece))
      tables_->pairs.encode_word(encode_utf8(word), ids);
  };
  const auto add_piece = [&](std::u32string_view piece) {
    cut(normalize(piece), tables_->normalized, add_words, add_id);
  };
  cut(decode_utf8(text), tables_->raw, add_piece, add_id);
  return ids;
}

TokenIds ClipTokenizer::encode(std::string_view text, int64_t max_length) const {
  const int64_t length = max_length ? max_length : tables_->max_length;
  if (length < 2)
    throw ConfigError("tokenizer",
                      cat("max_length must hold both specials; got ", length, "; expected >= 2"));

  std::vector<int64_t> words = tokenize(text);
  TokenIds result;
  result.truncated = int64_t(words.size()) > length - 2;
  if (result.truncated) words.resize(size_t(length - 2));
  result.ids.push_back(tables_->start_id);
  result.ids.insert(result.ids.end(), words.begin(), words.end());
  result.ids.push_back(tables_->end_id);
  result.length = int64_t(result.ids.size());
  result.ids.resize(size_t(length), tables_->pad_id);
  return result;
}

int64_t ClipTokenizer::max_length() const { return tables_->max_length; }
int64_t ClipTokenizer::vocabulary_size() const { return tables_->vocabulary_size; }
int64_t ClipTokenizer::start_id() const { return tables_->start_id; }
int64_t ClipTokenizer::end_id() const { return tables_->end_id; }
int64_t ClipTokenizer::pad_id() const { return tables_->pad_id; }

}  // namespace gamut::text
