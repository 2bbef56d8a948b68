// SPDX-License-Identifier: Apache-2.0
// Prompts with what a reward needs to know of them, one JSON object per line:
//   {"prompt": "the digit 7", "target": "7", "attributes": {"ink": "white"}, "tag": "counting"}
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gamut::text {

struct Prompt {
  std::string text;                               // what the model is given
  std::string target;                             // what an OCR reward must read; "" = none
  std::map<std::string, std::string> attributes;  // "ink" -> "dark red", "ground", "style", …
  // A JSON object of all that is none of these, as it stood in the file, for rewards that know what it means;
  // "" = nothing. Attributes that are not all strings stand here too, whole.
  std::string metadata = "";
  int64_t line = 0;  // in its file, from 1
  // The prompt that the text words more exactly (with_variants); "" = the text is one.
  std::string plain = "";
};

// What the model is given of each.
std::vector<std::string> texts_of(const std::vector<Prompt>& prompts);
// Without what captions add: each one's plain prompt.
std::vector<std::string> plain_texts_of(const std::vector<Prompt>& prompts);

// The text between the first two double quotes of any kind ("…", “…”, „…“, «…», 「…」), else between single
// curly ones;
// "" = there are none.
std::string quoted_part(const std::string& text);

// `target` falls back to quoted_part(). Also reads a plain .txt (one prompt per line). Both may begin with a
// byte order mark. DataError names the line, also of text that is not UTF-8; an empty set is an error.
std::vector<Prompt> load_prompts(const std::filesystem::path& path);

}  // namespace gamut::text
