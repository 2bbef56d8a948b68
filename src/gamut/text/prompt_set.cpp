// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/prompt_set.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/text/unicode.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace gamut::text {

namespace {

using nlohmann::json;

std::string between(std::u32string_view text, size_t open, size_t close) {
  return close == std::u32string_view::npos ? "" : encode_utf8(text.substr(open + 1, close - open - 1));
}

// The closing single quote is an apostrophe too, but not before a letter or a digit.
size_t closing_single(std::u32string_view text, size_t from) {
  for (size_t i = text.find(U'\u2019', from); i != std::u32string_view::npos;
       i = text.find(U'\u2019', i + 1)) {
    const CharClass next = i + 1 < text.size() ? char_class(text[i + 1]) : CharClass::kSpace;
    if (next != CharClass::kLetter && next != CharClass::kNumber) return i;
  }
  return std::u32string_view::npos;
}

// Names that gamut's own measures look up must be strings; the others may be anything.
std::map<std::string, std::string> string_attributes(const json& object, const std::string& place) {
  std::map<std::string, std::string> attributes;
  for (const auto& [name, attribute] : object.items()) {
    if (attribute.is_string())
      attributes[name] = attribute.get<std::string>();
    else if (name == "ink" || name == "ground")
      throw DataError("prompts", cat(place, ": attribute '", name, "' must be a string; got ",
                                     printable(attribute.dump())));
  }
  return attributes;
}

std::string keys_of(const json& object) {
  std::string keys;
  for (const auto& [key, value] : object.items()) keys += cat(keys.empty() ? "" : ", ", key);
  return keys.empty() ? "none" : printable(keys);
}

Prompt parse_prompt(json object, const std::string& place) {
  const auto require = [&](bool rule, const std::string& message) {
    if (!rule) throw DataError("prompts", cat(place, ": ", message));
  };
  require(object.is_object(), "a line must be one JSON object");
  const json text = object.value("prompt", json()), target = object.value("target", json());
  require(text.is_string() && !text.get<std::string>().empty(),
          cat("'prompt' must be a non-empty string; got ",
              object.contains("prompt") ? printable(text.dump()) : cat("the keys ", keys_of(object))));
  require(target.is_string() || target.is_null(),
          cat("'target' must be a string; got ", printable(target.dump())));
  Prompt prompt{.text = text.get<std::string>(), .target = {}, .attributes = {}};
  prompt.target = target.is_string() ? target.get<std::string>() : quoted_part(prompt.text);
  const json attributes = object.value("attributes", json::object());
  if (attributes.is_object()) prompt.attributes = string_attributes(attributes, place);
  if (attributes.is_object() && prompt.attributes.size() == attributes.size()) object.erase("attributes");
  object.erase("prompt");
  object.erase("target");
  if (!object.empty()) prompt.metadata = object.dump();
  return prompt;
}

// A misspelt key would be kept and mean nothing.
void warn_of_near_names(const Prompt& prompt, const std::string& place, std::set<std::string>& warned) {
  if (prompt.metadata.empty()) return;
  const json metadata = json::parse(prompt.metadata);
  for (const auto& [key, value] : metadata.items()) {
    const std::string near = nearest_name(key, {"prompt", "target", "attributes"});
    if (near.empty() || near == key || !warned.insert(key).second) continue;
    log_warning(
        cat(place, ": the key '", printable(key), "' is kept as metadata; did you mean '", near, "'?"));
  }
}

}  // namespace

std::string quoted_part(const std::string& text) {
  constexpr std::u32string_view kDouble = U"\"\u201C\u201D\u201E\u201F\u00AB\u00BB\uFF02\u300C\u300D";
  const std::u32string points = decode_utf8(text);
  const size_t open = points.find_first_of(kDouble);
  if (open != std::u32string::npos) {
    const size_t close = points.find_first_of(kDouble, open + 1);
    if (close != std::u32string::npos) return between(points, open, close);
  }
  const size_t single = points.find(U'\u2018');
  return single == std::u32string::npos ? "" : between(points, single, closing_single(points, single + 1));
}

std::vector<std::string> texts_of(const std::vector<Prompt>& prompts) {
  std::vector<std::string> texts;
  for (const Prompt& prompt : prompts) texts.push_back(prompt.text);
  return texts;
}

std::vector<std::string> plain_texts_of(const std::vector<Prompt>& prompts) {
  std::vector<std::string> texts;
  for (const Prompt& prompt : prompts) texts.push_back(prompt.plain.empty() ? prompt.text : prompt.plain);
  return texts;
}

std::vector<Prompt> load_prompts(const std::filesystem::path& path) {
  if (path.empty())
    throw ConfigError(
        "prompts",
        "a recipe has to name its prompts; got rollout.prompts = \"\"; name a file, for example "
        "--set rollout.prompts=prompts.jsonl");
  const std::string file = io::read_utf8(path);
  const bool is_plain = path.extension() == ".txt";
  std::vector<Prompt> prompts;
  std::set<std::string> warned;
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
    prompts.back().line = number;
    warn_of_near_names(prompts.back(), place, warned);
  }
  if (prompts.empty())
    throw DataError("prompts", cat("'", path.string(), "' must hold at least one prompt; got none"));
  return prompts;
}

}  // namespace gamut::text
