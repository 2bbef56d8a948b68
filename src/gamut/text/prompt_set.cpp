// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/prompt_set.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::text {

namespace {

std::string quoted_part(const std::string& text) {
  const size_t open = text.find('"');
  const size_t close = open == std::string::npos ? open : text.find('"', open + 1);
  return close == std::string::npos ? "" : text.substr(open + 1, close - open - 1);
}

Prompt parse_prompt(const nlohmann::json& object, const std::string& place) {
  const auto require = [&](bool rule, const std::string& message) {
    if (!rule) throw DataError("prompts", cat(place, ": ", message));
  };
  require(object.is_object(), "a line must be one JSON object");
  require(object.contains("prompt") && object["prompt"].is_string() &&
              !object["prompt"].get<std::string>().empty(),
          "'prompt' must be a non-empty string");
  Prompt prompt;
  prompt.text = object["prompt"].get<std::string>();
  prompt.target = quoted_part(prompt.text);
  for (const auto& [key, value] : object.items()) {
    if (key == "target") {
      require(value.is_string(), cat("'target' must be a string; got ", printable(value.dump())));
      prompt.target = value.get<std::string>();
    } else if (key == "attributes") {
      require(value.is_object(), cat("'attributes' must be an object; got ", printable(value.dump())));
      for (const auto& [name, attribute] : value.items()) {
        require(attribute.is_string(),
                cat("attribute '", printable(name), "' must be a string; got ", printable(attribute.dump())));
        prompt.attributes[name] = attribute.get<std::string>();
      }
    } else {
      require(key == "prompt",
              cat("unknown key '", printable(key), "'; expected prompt, target, attributes"));
    }
  }
  return prompt;
}

}  // namespace

std::vector<Prompt> load_prompts(const std::filesystem::path& path) {
  const std::string file = io::read_text(path);
  const bool is_plain = path.extension() == ".txt";
  std::vector<Prompt> prompts;
  int64_t number = 0;
  for (size_t begin = 0; begin < file.size();) {
    const size_t end = std::min(file.find('\n', begin), file.size());
    std::string line = file.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const std::string place = cat("'", path.string(), "' line ", number);
    if (is_plain)
      prompts.push_back({line, quoted_part(line), {}});
    else
      prompts.push_back(parse_prompt(io::parse_json(line, place), place));
  }
  if (prompts.empty())
    throw DataError("prompts", cat("'", path.string(), "' must hold at least one prompt; got none"));
  return prompts;
}

}  // namespace gamut::text
