// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/config.h"

#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/core/rule_check.h"
#include "gamut/core/synonyms.h"
#include "gamut/core/toml_value.h"

#include <algorithm>
#include <map>
#include <set>

namespace gamut {
namespace {

constexpr const char* kDefaultOrigin = "default";

// Conversions from TOML to the type of a field; false when the types do not agree. An integer is a number
// too.
bool convert(const TomlValue& from, bool& to) {
  const auto* value = std::get_if<bool>(&from.data);
  return value != nullptr && (to = *value, true);
}
bool convert(const TomlValue& from, int64_t& to) {
  const auto* value = std::get_if<int64_t>(&from.data);
  return value != nullptr && (to = *value, true);
}
bool convert(const TomlValue& from, double& to) {
  if (const auto* integer = std::get_if<int64_t>(&from.data)) return to = double(*integer), true;
  const auto* value = std::get_if<double>(&from.data);
  return value != nullptr && (to = *value, true);
}
bool convert(const TomlValue& from, std::string& to) {
  const auto* value = std::get_if<std::string>(&from.data);
  return value != nullptr && (to = *value, true);
}
template <class T>
bool convert(const TomlValue& from, std::vector<T>& to) {
  const auto* list = std::get_if<TomlValue::List>(&from.data);
  if (list == nullptr) return false;
  to.resize(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    if (!convert((*list)[i], to[i])) return false;
  }
  return true;
}

const char* type_text(const bool&) { return "true or false"; }
const char* type_text(const int64_t&) { return "an integer"; }
const char* type_text(const double&) { return "a number"; }
const char* type_text(const std::string&) { return "a string"; }
const char* type_text(const std::vector<int64_t>&) { return "a list of integers"; }
const char* type_text(const std::vector<double>&) { return "a list of numbers"; }
const char* type_text(const std::vector<std::string>&) { return "a list of strings"; }

std::string suggestion(const std::string& nearest, std::string_view quote) {
  return nearest.empty() ? "" : cat("; did you mean ", quote, nearest, quote, "?");
}

template <class T>
bool convert_by(const Rule&, const TomlValue& from, T& to) {
  return convert(from, to);
}
bool convert_by(const Rule& rule, const TomlValue& from, std::string& to) {
  const auto* integer = std::get_if<int64_t>(&from.data);
  const auto* number = std::get_if<double>(&from.data);
  if (takes_number(rule) && (integer != nullptr || number != nullptr))
    return to = integer != nullptr ? format_toml(*integer) : format_toml(*number), true;
  return convert(from, to);
}

// Puts the place of an input file in the value's stead; returns the value as TOML for a dump.
std::string settle(const Rule& rule, std::string& value, const RecipeEntry* entry) {
  if (!rule.input) return format_toml(value);
  const NamedBy named_by = entry == nullptr   ? NamedBy::kDefault
                           : entry->line == 0 ? NamedBy::kCommandLine
                                              : NamedBy::kRecipe;
  const InputFile found = find_input(value, named_by, entry == nullptr ? "" : entry->folder);
  std::string toml = format_toml(entry == nullptr ? value : found.written);
  value = found.name;
  return toml;
}
template <class T>
std::string settle(const Rule&, T& value, const RecipeEntry*) {
  return format_toml(value);
}

class Binder : public FieldVisitor {
 public:
  explicit Binder(const Recipe& recipe) : recipe_(recipe), messages_(recipe.entries.size()) {
    for (size_t i = 0; i < recipe.entries.size(); ++i) index_[recipe.entries[i].key] = i;
  }

  void field(std::string_view key, bool& value, const Rule& rule, std::string_view help) override {
    bind_value(key, value, rule, help);
  }
  void field(std::string_view key, int64_t& value, const Rule& rule, std::string_view help) override {
    bind_value(key, value, rule, help);
  }
  void field(std::string_view key, double& value, const Rule& rule, std::string_view help) override {
    bind_value(key, value, rule, help);
  }
  void field(std::string_view key, std::string& value, const Rule& rule, std::string_view help) override {
    bind_value(key, value, rule, help);
  }
  void field(std::string_view key, std::vector<int64_t>& value, const Rule& rule,
             std::string_view help) override {
    bind_value(key, value, rule, help);
  }
  void field(std::string_view key, std::vector<double>& value, const Rule& rule,
             std::string_view help) override {
    bind_value(key, value, rule, help);
  }
  void field(std::string_view key, std::vector<std::string>& value, const Rule& rule,
             std::string_view help) override {
    bind_value(key, value, rule, help);
  }

  // Everything was visited: what is left over in the recipe is unknown. Throws all mistakes in recipe order.
  Resolved finish() {
    for (size_t i = 0; i < recipe_.entries.size(); ++i) check_known(i);
    std::vector<std::string> mistakes;
    for (const std::string& message : messages_) {
      if (!message.empty()) mistakes.push_back(message);
    }
    if (!mistakes.empty()) throw ConfigError("config", mistakes);
    return std::move(resolved_);
  }

 protected:
  void enter(std::string_view key, std::string_view help) override {
    prefix_.push_back(cat(prefix(), key, "."));
    const std::string table = cat(prefix().substr(0, prefix().size() - 1));
    GAMUT_CHECK(tables_.insert(table).second, "config table listed twice: ", table);
    resolved_.tables.push_back({table, std::string(help)});
  }
  void leave() override { prefix_.pop_back(); }

 private:
  std::string prefix() const { return prefix_.empty() ? "" : prefix_.back(); }

  std::string place(size_t index) const {
    const RecipeEntry& entry = recipe_.entries[index];
    return entry.line == 0 ? cat(" (", entry.origin, ")") : cat(" (", entry.origin, ":", entry.column, ")");
  }

  template <class T>
  void bind_value(std::string_view local_key, T& value, const Rule& rule, std::string_view help) {
    const std::string key = prefix() + std::string(local_key);
    GAMUT_CHECK(fields_.insert(key).second, "config field listed twice: ", key);
    const std::string default_toml = format_toml(value);
    resolved_.fields.push_back(
        {key, default_toml, kDefaultOrigin, default_toml, rule.text(), std::string(help)});
    const auto found = index_.find(key);
    if (found == index_.end()) {
      settle(rule, value, nullptr);
      return;
    }
    const RecipeEntry& entry = recipe_.entries[found->second];
    std::string& message = messages_[found->second];
    T read{};
    const std::string got = cat("; got ", printable(entry.toml), place(found->second));
    if (!convert_by(rule, parse_toml_value(entry.toml), read)) {
      message = cat("key '", key, "' must be ", type_text(value), got);
    } else if (!keeps(rule, read)) {
      const std::string nearest = nearest_name(outsider(rule, read), rule.choices);
      message = cat("key '", key, "' ", demand(rule), got, suggestion(nearest, "\""));
    } else {
      value = read;
      resolved_.fields.back().toml = settle(rule, value, &entry);
      resolved_.fields.back().origin = entry.origin;
    }
  }

  void check_known(size_t index) {
    const RecipeEntry& entry = recipe_.entries[index];
    if (fields_.contains(entry.key)) return;
    if (tables_.contains(entry.key)) {
      if (entry.toml != "{}") {
        messages_[index] =
            cat("key '", entry.key, "' must be a table; got ", printable(entry.toml), place(index));
      }
      return;
    }
    for (size_t dot = entry.key.rfind('.'); dot != std::string::npos && dot > 0;
         dot = entry.key.rfind('.', dot - 1)) {
      const std::string parent = entry.key.substr(0, dot);
      if (!fields_.contains(parent)) continue;
      messages_[index] = cat("key '", printable(parent), "' must be a value; got a table with the key '",
                             printable(entry.key.substr(dot + 1)), "'", place(index));
      return;
    }
    messages_[index] = cat("unknown key '", printable(entry.key), "'", place(index),
                           suggestion(nearest_key(entry.key), "'"));
  }

  // What the field's word means, else the nearest known key; failing that, the only one of the same last part
  // ("steps" for "sampler.steps"). The beginning of a key of its own table comes before all of it:
  // "optimizer.beta".
  std::string nearest_key(const std::string& key) const {
    std::vector<std::string> known(fields_.begin(), fields_.end());
    const auto longer =
        std::find_if(known.begin(), known.end(), [&](const auto& name) { return name.starts_with(key); });
    if (key.find('.') != std::string::npos && longer != known.end()) return *longer;
    if (std::string meant = meant_by(key, known); !meant.empty()) return meant;
    known.insert(known.end(), tables_.begin(), tables_.end());
    if (std::string nearest = nearest_name(key, known); !nearest.empty()) return nearest;
    const std::string last_part = cat(".", key.substr(key.rfind('.') + 1));
    const auto same_end = [&](const std::string& name) { return name.ends_with(last_part); };
    const auto only = std::find_if(known.begin(), known.end(), same_end);
    return std::count_if(known.begin(), known.end(), same_end) == 1 ? *only : "";
  }

  const Recipe& recipe_;
  std::map<std::string, size_t> index_;  // of the entry of a key
  std::vector<std::string> messages_;    // one per entry; empty = no mistake
  std::vector<std::string> prefix_;      // of the tables that are open: "sampler."
  std::set<std::string> fields_, tables_;
  Resolved resolved_;
};

void append_fields(const Resolved& resolved, const std::string& table, std::string& text) {
  const std::string prefix = table.empty() ? "" : table + ".";
  for (const ResolvedField& field : resolved.fields) {
    const std::string local = field.key.starts_with(prefix) ? field.key.substr(prefix.size()) : "";
    if (local.empty() || local.find('.') != std::string::npos) continue;
    const bool is_default = field.origin == kDefaultOrigin;
    text += cat(local, " = ", field.toml, "  # ", is_default ? "" : "from ", printable(field.origin), "\n");
  }
}

}  // namespace

Resolved bind_fields(const Recipe& recipe, const VisitFields& visit) {
  Binder binder(recipe);
  visit(binder);
  return binder.finish();
}

std::string Resolved::to_toml() const {
  std::string text;
  append_fields(*this, "", text);
  for (const ResolvedTable& table : tables) {
    std::string body;
    append_fields(*this, table.key, body);
    if (body.empty()) continue;
    text += cat(text.empty() ? "" : "\n", "# ", printable(table.help), "\n[", table.key, "]\n", body);
  }
  return text;
}

}  // namespace gamut
