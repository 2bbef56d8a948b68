// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/core/error.h"
#include "gamut/eval/table.h"
#include "gamut/run/measured.h"
#include "gamut/run/run_argument.h"
#include "gamut/run/run_identity.h"
#include "gamut/run/stored_run.h"
#include "gamut/run/train_recipe.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

struct CompareFlags {
  std::vector<std::string> runs;
  std::string out = "compare.png";
};

// ConfigError naming what differs: numbers of other prompts, seeds or sizes say nothing about the methods.
void check_comparable(const std::string& first, const run::TrainRecipe& one, const std::string& second,
                      const run::TrainRecipe& two) {
  const std::string differing = run::evaluation_differences(one, two);
  if (!differing.empty())
    throw ConfigError("compare", cat("runs '", first, "' and '", second,
                                     "' cannot be compared; they differ in ", differing));
}

struct ComparedRun {
  std::filesystem::path folder;
  run::TrainRecipe recipe;
  run::StoredEvaluation last;
};

// Whether two runs differ in their seed alone.
bool is_seed_of_same(const ComparedRun& one, const ComparedRun& two) {
  return one.recipe.train.iterations == two.recipe.train.iterations && one.last.step == two.last.step &&
         run::recipe_changes(one.recipe, two.folder / "config.toml", "seed").empty();
}

std::vector<std::vector<const ComparedRun*>> seeds_of_recipes(const std::vector<ComparedRun>& runs) {
  std::vector<std::vector<const ComparedRun*>> groups;
  for (const ComparedRun& run : runs) {
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& group) { return is_seed_of_same(*group.front(), run); });
    if (same == groups.end())
      groups.push_back({&run});
    else
      same->push_back(&run);
  }
  return groups;
}

eval::TableColumn mean_column(const std::vector<const ComparedRun*>& group) {
  std::vector<eval::Evaluation> numbers;
  std::string names, seeds;
  std::set<std::string> recipes;
  for (const ComparedRun* run : group) {
    numbers.push_back(run->last.numbers);
    names += cat(names.empty() ? "" : ", ", run::run_name(run->folder));
    seeds += cat(seeds.empty() ? "" : ", ", run->recipe.train.seed);
    recipes.insert(run::recipe_name(run->folder, run->recipe.train.seed));
  }
  return {.title = recipes.size() == 1 ? *recipes.begin() + " mean" : cat("mean of ", group.size()),
          .numbers = eval::mean_evaluation(numbers),
          .measured = cat("mean over seeds ", seeds, " of ", names)};
}

std::vector<ComparedRun> stored_runs(const std::vector<std::string>& folders) {
  std::vector<ComparedRun> runs;
  for (const std::string& folder : folders) {
    run::TrainRecipe recipe = run::load_train_recipe(fs::path(folder) / "config.toml", {});
    if (!runs.empty()) check_comparable(folders.front(), runs.front().recipe, folder, recipe);
    runs.push_back({.folder = folder, .recipe = std::move(recipe), .last = run::last_evaluation(folder)});
  }
  return runs;
}

// One sheet holds pictures of one size; a file that somebody else wrote may hold others.
void check_pictures(const ComparedRun& run, const run::StoredEvaluation& base) {
  if (run.last.pictures.sizes() == base.pictures.sizes()) return;
  throw DataError("compare", cat("the pictures of '", run::run_name(run.folder),
                                 "' must be as many and as large as the base's; got ",
                                 run.last.pictures.sizes(), "; expected ", base.pictures.sizes()));
}

std::vector<eval::TableColumn> columns_of(const std::vector<ComparedRun>& runs,
                                          const run::StoredEvaluation& base) {
  std::vector<eval::TableColumn> columns{{"base", base.numbers, run::measured_base(runs.front().recipe)}};
  for (const ComparedRun& run : runs) {
    const int64_t step = run.last.step;
    columns.push_back(
        {run::run_name(run.folder), run.last.numbers, run::measured_run(run.folder, run.recipe, step)});
    if (const auto raw = run::raw_evaluation_at(run.folder, step))
      columns.push_back({run::run_name(run.folder) + ", raw", *raw,
                         run::measured_run(run.folder, run.recipe, step, true), true});
  }
  for (const auto& group : seeds_of_recipes(runs))
    if (group.size() > 1) columns.push_back(mean_column(group));
  return columns;
}

int compare(const CompareFlags& flags) {
  const std::vector<ComparedRun> runs = stored_runs(run::run_arguments(flags.runs));
  const run::StoredEvaluation base = run::evaluation_at(runs.front().folder, 0);
  const std::vector<text::Prompt> prompts = text::load_prompts(runs.front().recipe.eval_prompts());
  std::vector<io::SheetBlock> blocks{
      {.title = "base", .rows = run::sheet_rows(base.pictures, prompts.size())}};
  for (const ComparedRun& run : runs) {
    check_pictures(run, base);
    blocks.push_back(
        {.title = run::run_name(run.folder), .rows = run::sheet_rows(run.last.pictures, prompts.size())});
  }
  io::save_png(flags.out, io::contact_sheet(blocks, run::sheet_options(prompts)));
  std::printf("%s\nsheet  %s\n", eval::comparison_table(columns_of(runs, base)).c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

void add_compare_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* command =
      program.add_subcommand("compare", "runs side by side: the base and each run's last evaluation");
  command->add_option("runs", flags->runs, "run folders that share model, prompts and evaluation")
      ->required();
  command->add_option("--out", flags->out, "contact sheet, PNG (default compare.png)");
  command->callback([flags, &chosen] { chosen = [flags] { return compare(*flags); }; });
}

}  // namespace gamut::cli
