// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/prompt_variants.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>

namespace gamut::text {
namespace {

using nlohmann::json;
using Variants = std::map<std::string, std::vector<std::string>>;  // by prompt

std::vector<std::string> variants_of(const Prompt& row, const std::string& file) {
  const auto require = [&](bool rule, const std::string& found) {
    if (!rule)
      throw DataError("prompts", cat("'", file, "' line ", row.line,
                                     ": 'variants' must be a list of one or more non-empty strings; got ",
                                     printable(found)));
  };
  const json object = row.metadata.empty() ? json::object() : json::parse(row.metadata);
  require(object.contains("variants"), "none");
  const json& list = object["variants"];
  require(list.is_array() && !list.empty(), list.dump());
  std::vector<std::string> variants;
  for (const json& variant : list) {
    require(variant.is_string() && !variant.get<std::string>().empty(), variant.dump());
    variants.push_back(variant.get<std::string>());
  }
  return variants;
}

Variants load_variants(const std::filesystem::path& file) {
  Variants all;
  for (const Prompt& row : load_prompts(file)) {
    const bool is_new = all.emplace(row.text, variants_of(row, file.string())).second;
    if (!is_new)
      throw DataError(
          "prompts", cat("'", file.string(), "' line ", row.line,
                         ": a prompt must have one line of variants; got '", printable(row.text), "' again"));
  }
  return all;
}

}  // namespace

std::vector<Prompt> with_variants(const std::vector<Prompt>& prompts, const std::filesystem::path& file) {
  const Variants all = load_variants(file);
  std::vector<Prompt> result;
  std::set<std::string> found;
  for (const Prompt& prompt : prompts) {
    const auto own = all.find(prompt.text);
    if (own == all.end()) {
      result.push_back(prompt);
      continue;
    }
    found.insert(prompt.text);
    for (const std::string& variant : own->second) {
      result.push_back(prompt);
      result.back().text = variant;
      result.back().plain = prompt.text;
    }
  }
  if (found.empty())
    throw DataError("prompts", cat("'", file.string(), "' must name prompts of the recipe; it names '",
                                   printable(all.begin()->first), "' and the like, the recipe's are '",
                                   printable(prompts.front().text), "' and the like"));
  if (found.size() < all.size())
    log_info(cat("variants  ", all.size() - found.size(), " of ", all.size(), " lines of '", file.string(),
                 "' are for other prompts"));
  return result;
}

}  // namespace gamut::text
