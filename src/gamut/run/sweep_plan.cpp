// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/sweep_plan.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <algorithm>
#include <set>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

// A recipe or variant before it meets a seed.
struct Method {
  std::string name;
  fs::path recipe;
  std::vector<std::string> sets;
  std::vector<int64_t> seeds;
};

// How many tables an array such as [[run]] has; their keys begin with "run.1.", "run.2.", ….
template <class Table>
void count_tables(const Recipe& recipe, const std::string& array, std::vector<Table>& tables) {
  for (const RecipeEntry& entry : recipe.entries)
    while (entry.key.starts_with(cat(array, ".", tables.size() + 1, ".")) ||
           entry.key == cat(array, ".", tables.size() + 1))
      tables.emplace_back();
}

void check_label(const std::string& label) {
  const bool plain = std::all_of(label.begin(), label.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '+';
  });
  if (!plain)
    throw ConfigError("sweep", cat("a label becomes part of folder names; got '", printable(label),
                                   "'; expected letters, digits, '_', '-', '.' and '+'"));
}

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

class Methods {
 public:
  Methods(const SweepConfig& sweep, const fs::path& path) : sweep_(sweep), folder_(path.parent_path()) {
    const std::vector<SweepVariant> plain(1);
    for (const SweepVariant& variant : sweep.variants.empty() ? plain : sweep.variants)
      for (const std::string& recipe : sweep.recipes) add(recipe, variant.label, variant.set, sweep.seeds);
    for (const SweepRun& run : sweep.runs)
      add(run.recipe, run.label, run.set, run.seeds.empty() ? sweep.seeds : run.seeds);
    if (all.empty())
      throw ConfigError("sweep", cat("'", path.string(), "' names no recipe; give `recipes` or [[run]]"));
  }
  std::vector<Method> all;

 private:
  void add(const std::string& recipe, const std::string& label, const std::vector<std::string>& set,
           const std::vector<int64_t>& seeds) {
    if (recipe.empty()) throw ConfigError("sweep", "each [[run]] needs a `recipe`");
    check_label(label);
    const fs::path file = (folder_ / recipe).lexically_normal();
    all.push_back({.name = file.stem().string() + (label.empty() ? "" : "@" + label),
                   .recipe = file,
                   .sets = joined(sweep_.set, set),
                   .seeds = seeds});
  }
  const SweepConfig& sweep_;
  fs::path folder_;
};

PlannedRun planned(const Method& method, int64_t seed, const std::vector<std::string>& more_sets) {
  PlannedRun run{.method = method.name,
                 .name = cat(method.name, "-", seed),
                 .seed = seed,
                 .recipe = method.recipe,
                 .sets = joined(joined(method.sets, more_sets), {cat("seed=", seed)}),
                 .resolved = {}};
  try {
    run.resolved = load_train_recipe(run.recipe, run.sets);
  } catch (const ConfigError& error) {
    throw ConfigError("sweep", cat(run.name, ": ", error.what()));
  }
  return run;
}

}  // namespace

void SweepVariant::fields(FieldVisitor& v) {
  v.field("label", label, any_value(), "added to each recipe's name: flow_grpo@LABEL");
  v.field("set", set, any_value(), "overrides, as --set of gamut train");
}

void SweepRun::fields(FieldVisitor& v) {
  v.field("recipe", recipe, any_value(), "fine-tuning recipe, relative to this file");
  v.field("label", label, any_value(), "added to the recipe's name: diverse_grpo@LABEL");
  v.field("set", set, any_value(), "overrides, after the common ones");
  v.field("seeds", seeds, at_least(0), "[] = the common seeds");
}

void SweepConfig::fields(FieldVisitor& v) {
  v.field("name", name, any_value(), "\"\" = the file's name");
  v.field("folder", folder, any_value(), "where the run folders stand; \"\" = runs/<name>");
  v.field("recipes", recipes, any_value(), "fine-tuning recipes, relative to this file");
  v.field("seeds", seeds, at_least(0), "each recipe runs once per seed");
  v.field("set", set, any_value(), "overrides for every run, as --set of gamut train");
  v.field("jobs", jobs, between(1, 1024), "runs at once");
  v.field("threads", threads, between(1, 1024), "threads of each run");
  v.field("baseline", baseline, any_value(), "method to compare with; \"\" = flow_grpo, or the first");
  v.field("levels", levels, any_value(), "rewards at which variety is compared");
  v.field("ended", ended, any_value(),
          "results.jsonl files, relative to this file, of runs of this sweep that ended elsewhere");
  for (size_t i = 0; i < variants.size(); ++i)
    v.table(cat("variant.", i + 1), variants[i], "every recipe once more");
  for (size_t i = 0; i < runs.size(); ++i) v.table(cat("run.", i + 1), runs[i], "one recipe of its own");
}

SweepConfig load_sweep(const fs::path& path) {
  const Recipe recipe = load_recipe(path);
  SweepConfig sweep;
  count_tables(recipe, "variant", sweep.variants);
  count_tables(recipe, "run", sweep.runs);
  bind(recipe, sweep);
  if (sweep.name.empty()) sweep.name = path.stem().string();
  if (sweep.folder.empty()) sweep.folder = (fs::path("runs") / sweep.name).string();
  for (std::string& file : sweep.ended) file = (path.parent_path() / file).lexically_normal().string();
  return sweep;
}

std::vector<PlannedRun> plan_runs(const SweepConfig& sweep, const fs::path& path,
                                  const std::vector<std::string>& more_sets) {
  const std::vector<Method> methods = Methods(sweep, path).all;
  size_t most = 0;
  for (const Method& method : methods) most = std::max(most, method.seeds.size());
  std::vector<PlannedRun> runs;
  std::set<std::string> names;
  for (size_t k = 0; k < most; ++k)
    for (const Method& method : methods) {
      if (k >= method.seeds.size()) continue;
      runs.push_back(planned(method, method.seeds[k], more_sets));
      if (!names.insert(runs.back().name).second)
        throw ConfigError("sweep",
                          cat("two runs are named '", runs.back().name, "'; give one of them another label"));
    }
  if (runs.empty()) throw ConfigError("sweep", cat("'", path.string(), "' has no seeds, so no runs"));
  baseline_of(sweep, runs);
  return runs;
}

std::string baseline_of(const SweepConfig& sweep, const std::vector<PlannedRun>& runs) {
  std::vector<std::string> methods;
  for (const PlannedRun& run : runs) methods.push_back(run.method);
  auto has = [&](const std::string& name) {
    return std::find(methods.begin(), methods.end(), name) != methods.end();
  };
  if (sweep.baseline.empty()) return has("flow_grpo") ? "flow_grpo" : methods.front();
  if (has(sweep.baseline)) return sweep.baseline;
  const std::string near = nearest_name(sweep.baseline, methods);
  throw ConfigError("sweep", cat("baseline must be one of the methods; got '", printable(sweep.baseline), "'",
                                 near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace gamut::run
