// SPDX-License-Identifier: Apache-2.0
// A TOML text as plain entries, so that toml++ stays in toml_document.cpp. Used by recipe.cpp.
#pragma once

#include "gamut/core/config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gamut {

// Entries have key, toml, line and column. Those of an array of tables are numbered from 1: [[run]] gives
// "run.1.…". An empty table is an entry too, since nothing else would name it: a misspelt [smapler] must not
// pass.
struct TomlDocument {
  std::vector<RecipeEntry> entries = {};  // in the order of the text, without `extends`
  std::vector<std::string> bases = {};    // what `extends` names
  std::string bases_place = {};           // "recipes/x.toml:1:11"
};
// ConfigError, by file, line and column, for what is no TOML, is nested too deeply, or has a malformed
// `extends`.
TomlDocument parse_toml(std::string_view text, std::string_view name);

// The entries of one value, whose own key is "" and of an inline table ".a", ".b"; nothing unless `text` is
// one value.
std::optional<std::vector<RecipeEntry>> parse_toml_assignment(std::string_view text);

}  // namespace gamut
