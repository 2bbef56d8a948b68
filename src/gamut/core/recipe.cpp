// SPDX-License-Identifier: Apache-2.0
// Files, `extends` and --set merged into one list of entries.
#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/core/toml_document.h"
#include "gamut/core/toml_value.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace gamut {
namespace {

using Path = std::filesystem::path;
constexpr size_t kMaxRecipeBytes = size_t{1} << 24;  // /dev/zero has no end
constexpr size_t kMaxBases = 50;

[[noreturn]] void fail(std::string_view message) { throw ConfigError("config", message); }

class Loader {
 public:
  void load_file(const Path& path, const std::string& named_by) {
    const auto fail_to_read = [&](int error_number) {
      fail(cat("cannot read recipe '", path.string(), "'", named_by, "; got '",
               std::generic_category().message(error_number), "'"));
    };
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) fail_to_read(EISDIR);
    std::ifstream file(path, std::ios::binary);
    if (!file) fail_to_read(errno);
    std::string text(kMaxRecipeBytes + 1, '\0');
    file.read(text.data(), std::streamsize(text.size()));
    text.resize(size_t(file.gcount()));
    if (text.size() > kMaxRecipeBytes)
      fail(cat("recipe '", path.string(), "' is too large", named_by, "; expected at most ", kMaxRecipeBytes,
               " bytes"));
    load_text(text, path, named_by);
  }

  void load_text(std::string_view text, const Path& path, const std::string& named_by) {
    std::error_code ignored;
    const Path identity = std::filesystem::weakly_canonical(path, ignored);
    if (std::find(open_files_.begin(), open_files_.end(), identity) != open_files_.end()) {
      fail(cat("recipe '", path.string(), "' extends itself", named_by));
    }
    if (open_files_.size() >= kMaxBases)
      fail(cat("recipe '", path.string(), "' is one base too many", named_by, "; expected at most ",
               kMaxBases, " files that extend one another"));
    open_files_.push_back(identity);
    TomlDocument document = parse_toml(text, path.string());
    for (const std::string& base : document.bases)
      load_file((path.parent_path() / base).lexically_normal(),
                cat(" (extends in ", document.bases_place, ")"));
    for (RecipeEntry& entry : document.entries) {
      entry.origin = cat(path.string(), ":", entry.line);
      entry.folder = path.parent_path();
      add_entry(std::move(entry));
    }
    open_files_.pop_back();
  }

  void add_set(const std::string& assignment, size_t number) {
    std::string place = cat("--set #", number);
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      fail(cat(place, " must have the form key=value; got '", printable(assignment), "'"));
    }
    const std::string key = trimmed(assignment.substr(0, equals));
    const std::string value = trimmed(assignment.substr(equals + 1));
    if (!is_dotted_key(key)) fail(cat(place, " has a malformed key; got '", printable(key), "'"));
    if (const auto own = parse_toml_assignment(value)) {
      // The line and column within the value would mean nothing to the user.
      for (const RecipeEntry& entry : *own) add_entry({key + entry.key, entry.toml, place});
    } else if (is_bare_text(value)) {
      add_entry({.key = key, .toml = format_toml(value), .origin = place});
    } else {
      fail(cat(place, " has a malformed value for '", key, "'; got '", printable(value),
               "'; expected a TOML value"));
    }
  }

  std::vector<RecipeEntry> entries;

 private:
  static std::string trimmed(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
  }

  static bool is_dotted_key(const std::string& key) {
    const bool letters = std::all_of(key.begin(), key.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
             c == '-' || c == '.';
    });
    return letters && !key.empty() && key.front() != '.' && key.back() != '.' &&
           key.find("..") == std::string::npos;
  }

  // A value that is no TOML and does not try to be: --set sampler.kind=ode
  static bool is_bare_text(const std::string& text) {
    return !text.empty() && std::string_view("\"'[{").find(text.front()) == std::string_view::npos &&
           std::none_of(text.begin(), text.end(), [](char c) { return uint8_t(c) < 0x20 || c == 0x7F; });
  }

  void add_entry(RecipeEntry entry) {
    std::erase_if(entries, [&](const RecipeEntry& earlier) { return earlier.key == entry.key; });
    entries.push_back(std::move(entry));
  }

  std::vector<Path> open_files_;  // from the recipe down to the base being read
};

Recipe finish(Loader& loader, const Path& path, const std::vector<std::string>& sets) {
  for (size_t i = 0; i < sets.size(); ++i) loader.add_set(sets[i], i + 1);
  return {path, std::move(loader.entries)};
}

}  // namespace

Recipe load_recipe(const Path& path, const std::vector<std::string>& sets) {
  const Path found = find_input(path.string(), NamedBy::kCommandLine).name;
  Loader loader;
  loader.load_file(found, "");
  return finish(loader, found, sets);
}

Recipe parse_recipe(std::string_view toml, std::string_view name, const std::vector<std::string>& sets) {
  Loader loader;
  loader.load_text(toml, Path(name), "");
  return finish(loader, Path(name), sets);
}

}  // namespace gamut
