// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/python_json.h"

namespace gamut::io {

std::string with_python_numbers(std::string_view text,
                                const std::function<std::string(std::string_view)>& replacement) {
  std::string out;
  bool in_string = false;
  while (!text.empty()) {
    std::string_view word = text.substr(0, 1);
    for (const std::string_view number : {"NaN", "Infinity", "-Infinity"})
      if (!in_string && text.starts_with(number)) word = number;
    if (in_string && text.front() == '\\') word = text.substr(0, 2);
    out += word.size() > 2 ? replacement(word) : std::string(word);
    if (word == "\"") in_string = !in_string;
    text.remove_prefix(word.size());
  }
  return out;
}

}  // namespace gamut::io
