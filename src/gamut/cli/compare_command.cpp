// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/run_identity.h"
#include "gamut/cli/stored_run.h"
#include "gamut/cli/train_recipe.h"
#include "gamut/core/error.h"
#include "gamut/eval/table.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

struct CompareFlags {
  std::vector<std::string> runs;
  std::string out = "compare.png";
};

// ConfigError naming what differs: numbers of other prompts, seeds or sizes say nothing about the methods.
void check_comparable(const std::string& first, const TrainRecipe& one, const std::string& second,
                      const TrainRecipe& two) {
  const std::string differing = evaluation_differences(one, two);
  if (!differing.empty())
    throw ConfigError("compare", cat("runs '", first, "' and '", second, "' cannot be compared; they differ in ",
                                     differing));
}

int compare(const CompareFlags& flags) {
  std::vector<std::pair<std::string, eval::Evaluation>> columns;
  std::vector<io::SheetBlock> blocks;
  std::vector<text::Prompt> prompts;
  const TrainRecipe first = load_train_recipe(fs::path(flags.runs.front()) / "config.toml", {});
  prompts = text::load_prompts(first.eval_prompts());
  std::vector<int64_t> shape;
  auto add = [&](const std::string& name, const StoredEvaluation& evaluation) {
    if (columns.empty()) shape = evaluation.pictures.sizes().vec();
    if (evaluation.pictures.sizes() != at::IntArrayRef(shape))
      throw DataError("compare", cat("the pictures of '", name, "' must be as many and as large as the base's; got ",
                                     evaluation.pictures.sizes(), "; expected ", at::IntArrayRef(shape)));
    columns.emplace_back(name, evaluation.numbers);
    blocks.push_back({.title = name, .rows = sheet_rows(evaluation.pictures, prompts.size())});
  };
  add("base", evaluation_at(flags.runs.front(), 0));
  for (const std::string& run : flags.runs) {
    check_comparable(flags.runs.front(), first, run, load_train_recipe(fs::path(run) / "config.toml", {}));
    add(run_name(run), last_evaluation(run));
  }
  io::save_png(flags.out, io::contact_sheet(blocks, sheet_options(prompts)));
  std::printf("%s\nsheet  %s\n", eval::comparison_table(columns).c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

void add_compare_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* command =
      program.add_subcommand("compare", "runs side by side: the base and each run's last evaluation");
  command->add_option("runs", flags->runs, "run folders that share model, prompts and evaluation")->required();
  command->add_option("--out", flags->out, "contact sheet, PNG (default compare.png)");
  command->callback([flags, &chosen] { chosen = [flags] { return compare(*flags); }; });
}

}  // namespace gamut::cli
