// SPDX-License-Identifier: Apache-2.0
// Files, `extends` and --set merged into one list of entries: the only source that sees toml++.
#include "gamut/core/config.h"
#include "gamut/core/content.h"
#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/core/toml_guard.h"
#include "gamut/core/toml_value.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>
#include <tuple>

namespace gamut {
namespace {

using Path = std::filesystem::path;
constexpr std::string_view kExtends = "extends";
constexpr size_t kMaxRecipeBytes = size_t{1} << 24;  // /dev/zero has no end
constexpr size_t kMaxBases = 50;

[[noreturn]] void fail(std::string_view message) { throw ConfigError("config", message); }

std::string node_text(const toml::node& node);

std::string list_text(const toml::array& array) {
  std::string text = "[";
  for (const toml::node& element : array) text += cat(text.size() > 1 ? ", " : "", node_text(element));
  return text + "]";
}

std::string node_text(const toml::node& node) {
  if (const auto* value = node.as_boolean()) return format_toml(value->get());
  if (const auto* value = node.as_integer()) return format_toml(value->get());
  if (const auto* value = node.as_floating_point()) return format_toml(value->get());
  if (const auto* value = node.as_string()) return format_toml(value->get());
  if (const auto* value = node.as_array()) return list_text(*value);
  if (const auto* value = node.as_date()) return cat(value->get());
  if (const auto* value = node.as_time()) return cat(value->get());
  if (const auto* value = node.as_date_time()) return cat(value->get());
  const toml::table& table = *node.as_table();
  std::string text = "{";
  for (const auto& [key, value] : table) {
    text += cat(text.size() > 1 ? ", " : " ", format_toml(std::string(key.str())), " = ", node_text(value));
  }
  return text + (table.empty() ? "}" : " }");
}

TomlValue to_value(const toml::node& node) {
  if (const auto* value = node.as_boolean()) return {value->get()};
  if (const auto* value = node.as_integer()) return {value->get()};
  if (const auto* value = node.as_floating_point()) return {value->get()};
  if (const auto* value = node.as_string()) return {value->get()};
  if (const auto* array = node.as_array()) {
    TomlValue::List list;
    for (const toml::node& element : *array) list.push_back(to_value(element));
    return {std::move(list)};
  }
  return {OtherToml{}};
}

// Whatever walks through a document calls itself once per level; keys of many parts within inline tables multiply.
bool is_too_deep(const toml::node& node, int64_t depth = 0) {
  if (depth > kMaxTomlDepth) return true;
  const auto below = [&](const toml::node& inner) { return is_too_deep(inner, depth + 1); };
  if (const auto* array = node.as_array()) return std::any_of(array->begin(), array->end(), below);
  if (const auto* table = node.as_table())
    return std::any_of(table->begin(), table->end(), [&](const auto& entry) { return below(entry.second); });
  return false;
}

// "v = text" as a document of exactly one value; empty when `text` is something else.
std::optional<toml::table> parse_one_value(std::string_view text) {
  const std::string assignment = cat("v = ", text);
  if (find_toml_fault(assignment)) return std::nullopt;
  try {
    toml::table document = toml::parse(assignment);
    if (document.size() == 1 && document.contains("v") && !is_too_deep(document)) return document;
  } catch (const toml::parse_error&) {
  }
  return std::nullopt;
}

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
      fail(cat("recipe '", path.string(), "' is too large", named_by, "; expected at most ", kMaxRecipeBytes, " bytes"));
    load_text(text, path, named_by);
  }

  void load_text(std::string_view text, const Path& path, const std::string& named_by) {
    std::error_code ignored;
    const Path identity = std::filesystem::weakly_canonical(path, ignored);
    if (std::find(open_files_.begin(), open_files_.end(), identity) != open_files_.end()) {
      fail(cat("recipe '", path.string(), "' extends itself", named_by));
    }
    if (open_files_.size() >= kMaxBases)
      fail(cat("recipe '", path.string(), "' is one base too many", named_by, "; expected at most ", kMaxBases,
               " files that extend one another"));
    open_files_.push_back(identity);
    toml::table document = parse_document(text, path);
    load_bases(document, path);
    document.erase(kExtends);
    std::vector<RecipeEntry> own;
    collect(
        document, "", [&](const RecipeEntry& entry) { return cat(path.string(), ":", entry.line); }, own);
    // toml++ keeps keys in alphabetical order; mistakes are reported in the order of the file.
    std::sort(own.begin(), own.end(), [](const RecipeEntry& a, const RecipeEntry& b) {
      return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    for (RecipeEntry& entry : own) {
      entry.folder = path.parent_path();
      add_entry(std::move(entry));
    }
    open_files_.pop_back();
  }

  void add_set(const std::string& assignment, size_t number) {
    const std::string place = cat("--set #", number);
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      fail(cat(place, " must have the form key=value; got '", printable(assignment), "'"));
    }
    const std::string key = trimmed(assignment.substr(0, equals));
    const std::string value = trimmed(assignment.substr(equals + 1));
    if (!is_dotted_key(key)) fail(cat(place, " has a malformed key; got '", printable(key), "'"));
    if (const auto document = parse_one_value(value)) {
      std::vector<RecipeEntry> own;
      collect(
          *document, "", [&](const RecipeEntry&) { return place; }, own);
      // The line and column within "v = …" would mean nothing to the user, nor does the name v.
      for (RecipeEntry& entry : own) add_entry({key + entry.key.substr(1), entry.toml, entry.origin});
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

  static toml::table parse_document(std::string_view text, const Path& path) {
    if (const std::string foreign = foreign_content(text); !foreign.empty())
      fail(cat("'", path.string(), "' must be a recipe in TOML; got ", foreign));
    if (const std::string problem = utf8_problem(text); !problem.empty()) fail(cat("'", path.string(), "' ", problem));
    if (const auto fault = find_toml_fault(text))
      fail(cat("malformed TOML (", path.string(), ":", fault->line, ":", fault->column, "); ", fault->what));
    try {
      toml::table document = toml::parse(text, path.string());
      if (is_too_deep(document))
        fail(cat("malformed TOML (", path.string(), "); tables and lists may lie at most ", kMaxTomlDepth, " deep"));
      return document;
    } catch (const toml::parse_error& error) {
      const auto& begin = error.source().begin;
      fail(cat("malformed TOML (", path.string(), ":", begin.line, ":", begin.column, "); ",
               printable(error.description())));
    }
  }

  void load_bases(const toml::table& document, const Path& path) {
    const toml::node* extends = document.get(kExtends);
    if (extends == nullptr) return;
    const std::string place =
        cat(path.string(), ":", extends->source().begin.line, ":", extends->source().begin.column);
    std::vector<std::string> bases;
    if (const auto* name = extends->as_string()) bases.push_back(name->get());
    if (const auto* names = extends->as_array()) {
      for (const toml::node& name : *names) bases.push_back(name.value_or(std::string()));
    }
    const bool valid = (extends->is_string() || extends->is_array()) &&
                       std::find(bases.begin(), bases.end(), "") == bases.end();
    if (!valid)
      fail(cat("key 'extends' must be a file name or a list of them; got ", node_text(*extends), " (", place,
               ")"));
    for (const std::string& base : bases) {
      load_file((path.parent_path() / base).lexically_normal(), cat(" (extends in ", place, ")"));
    }
  }

  // Appends the entries of a table and of the tables in it; those of an array of tables are numbered from 1:
  // [[run]] gives "run.1.…". An empty table becomes an entry too, since nothing else would name it: a misspelt
  // [smapler] must not pass.
  template <class OriginOf>
  static void collect(const toml::table& table, const std::string& prefix, const OriginOf& origin_of,
                      std::vector<RecipeEntry>& entries) {
    for (const auto& [key, node] : table) {
      const auto& begin = key.source().begin;
      RecipeEntry entry{
          .key = cat(prefix, key.str()), .line = int64_t(begin.line), .column = int64_t(begin.column)};
      const toml::table* inner = node.as_table();
      if (node.is_array_of_tables()) {
        collect_numbered(*node.as_array(), entry.key, origin_of, entries);
      } else if (inner != nullptr && !inner->empty()) {
        collect(*inner, entry.key + ".", origin_of, entries);
      } else {
        entry.toml = node_text(node);
        entry.origin = origin_of(entry);
        entries.push_back(std::move(entry));
      }
    }
  }

  template <class OriginOf>
  static void collect_numbered(const toml::array& array, const std::string& key, const OriginOf& origin_of,
                               std::vector<RecipeEntry>& entries) {
    size_t number = 0;
    for (const toml::node& element : array) {
      RecipeEntry entry{.key = cat(key, ".", ++number),
                        .toml = "{}",
                        .line = int64_t(element.source().begin.line),
                        .column = int64_t(element.source().begin.column)};
      entry.origin = origin_of(entry);
      if (element.as_table()->empty()) entries.push_back(entry);
      collect(*element.as_table(), entry.key + ".", origin_of, entries);
    }
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

TomlValue parse_toml_value(std::string_view text) {
  const auto document = parse_one_value(text);
  if (!document) fail(cat("malformed TOML value; got '", printable(text), "'"));
  return to_value(*document->get("v"));
}

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
