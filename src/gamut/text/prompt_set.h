// SPDX-License-Identifier: Apache-2.0
// Prompts with what a reward needs to know of them, one JSON object per line:
//   {"prompt": "the digit 7", "target": "7", "attributes": {"ink": "white"}}
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gamut::text {

struct Prompt {
  std::string text;                               // what the model is given
  std::string target;                             // what an OCR reward must read; "" = none
  std::map<std::string, std::string> attributes;  // "ink" -> "dark red", "ground", "style", …
};

// `target` falls back to the text between the first pair of double quotes. Also reads a plain .txt (one
// prompt per line). DataError names the line; an empty set is an error.
std::vector<Prompt> load_prompts(const std::filesystem::path& path);

}  // namespace gamut::text
