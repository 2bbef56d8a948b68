// SPDX-License-Identifier: Apache-2.0
// Recipes: strict TOML bound to structs that list their fields once.
//
//   struct LossConfig {
//     std::string kind = "ppo_clip";
//     double clip_range = 1e-4;
//     void fields(FieldVisitor& v) {
//       v.field("kind", kind, one_of({"ppo_clip", "grpo_guard"}), "surrogate objective");
//       v.field("clip_range", clip_range, above(0.0), "trust region of the ratio: 1 ± clip_range");
//     }
//   };
//
//   Recipe recipe = load_recipe("recipes/glyphs/flow_grpo.toml", {"loss.clip_range=1e-3"});
//   TrainConfig config;
//   bind(recipe, config);            // throws one ConfigError that lists every mistake
//
// Precedence, low to high: defaults in structs, `extends` left to right, the file itself, --set in order.
// The value of --set is TOML; text that is no TOML is taken as a string, so that sampler.kind=ode works.
// An integer may stand where a number is expected, not the other way round.
#pragma once

#include "gamut/core/names.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace gamut {

// What a value must satisfy, written beside its field. Each value of a list must; NaN never does.
struct Rule {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false;                  // value > min instead of >= min
  bool max_open = false;                  // value < max instead of <= max
  std::vector<std::string> choices = {};  // for strings; empty = any
  bool input = false;        // names a file or folder to read: input_files.h says where it is looked for
  std::string text() const;  // "1..1000", "> 0", "flow_sde | ode", "a path"; "" = any
};
Rule any_value();
Rule input_path();
Rule between(double min, double max);
Rule from_to_below(double min, double max);  // min <= value < max
Rule at_least(double min);
Rule above(double min);
Rule one_of(std::vector<std::string> choices);

// Visits the fields of a config struct in reading order.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  virtual void field(std::string_view key, bool& value, const Rule& rule, std::string_view help) = 0;
  virtual void field(std::string_view key, int64_t& value, const Rule& rule, std::string_view help) = 0;
  virtual void field(std::string_view key, double& value, const Rule& rule, std::string_view help) = 0;
  virtual void field(std::string_view key, std::string& value, const Rule& rule, std::string_view help) = 0;
  virtual void field(std::string_view key, std::vector<int64_t>& value, const Rule& rule,
                     std::string_view help) = 0;
  virtual void field(std::string_view key, std::vector<double>& value, const Rule& rule,
                     std::string_view help) = 0;
  virtual void field(std::string_view key, std::vector<std::string>& value, const Rule& rule,
                     std::string_view help) = 0;

  // A nested table: its keys become `key.…`.
  template <class Config>
  void table(std::string_view key, Config& config, std::string_view help) {
    enter(key, help);
    config.fields(*this);
    leave();
  }

 protected:
  virtual void enter(std::string_view key, std::string_view help) = 0;
  virtual void leave() = 0;
};

// One key = value as written somewhere. `toml` is the value as TOML text ("0.7", "\"ode\"", "[1, 2]").
struct RecipeEntry {
  std::string key = {};  // dotted: "sampler.steps"
  std::string toml = {};
  std::string origin = {};            // "recipes/x.toml:5" or "--set #1"
  int64_t line = 0, column = 0;       // 0 for --set
  std::filesystem::path folder = {};  // of the file that it stands in
};

// The merged entries of a recipe file, its `extends` and the --set overrides, later ones winning.
struct Recipe {
  std::filesystem::path path;
  std::vector<RecipeEntry> entries;
};

// Reads a recipe, named as on the command line (input_files.h). `extends` (string or list) is resolved
// relative to the file that names it; cycles are errors. Throws ConfigError on unreadable or malformed files
// (file, line, column) and malformed --set.
Recipe load_recipe(const std::filesystem::path& path, const std::vector<std::string>& sets = {});
// The same from text, for tests; `name` stands for the file.
Recipe parse_recipe(std::string_view toml, std::string_view name, const std::vector<std::string>& sets = {});

// One field after binding, for dumps, `explain config` and docs/config.md.
struct ResolvedField {
  // toml of an input path that lies outside gamut's data is absolute, since a dump is read from anywhere.
  std::string key, toml, origin, default_toml, rule, help;  // origin: "default" or RecipeEntry::origin
};
struct ResolvedTable {
  std::string key, help;
};
struct Resolved {
  std::vector<ResolvedField> fields;
  std::vector<ResolvedTable> tables;
  std::string to_toml()
      const;  // fed back through load_recipe it resolves to the same values; origins as comments
};

using VisitFields = std::function<void(FieldVisitor&)>;
// Fills the visited fields from the recipe. Throws one ConfigError listing every unknown key (with the
// nearest known one, file, line, column), wrong type and value outside its rule.
Resolved bind_fields(const Recipe& recipe, const VisitFields& visit);

template <class Config>
Resolved bind(const Recipe& recipe, Config& config) {
  return bind_fields(recipe, [&](FieldVisitor& v) { config.fields(v); });
}

}  // namespace gamut
