// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/train/pretrain.h"
#include "gamut/train/pretrain_reader.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace gamut::cli {
namespace {

struct Flags {
  std::string recipe, run;
  std::vector<std::string> sets;
  bool resume = false;
};

std::string task_of(const Recipe& recipe) {
  std::string task = "\"base\"";
  for (const RecipeEntry& entry : recipe.entries)
    if (entry.key == "task") task = entry.toml;
  return task;
}

int pretrain(const Flags& flags) {
  const Recipe recipe = load_recipe(flags.recipe, flags.sets);
  const std::filesystem::path run =
      flags.run.empty() ? io::free_run_folder("pretrain-" + std::filesystem::path(flags.recipe).stem().string())
                        : std::filesystem::path(flags.run);
  if (task_of(recipe) == "\"reader\"") {
    train::ReaderTrainingConfig config;
    bind(recipe, config);
    train::pretrain_reader(config);
    return 0;
  }
  train::PretrainConfig config;
  const Resolved resolved = bind(recipe, config);
  if (!flags.resume) io::create_run_folder(run);
  io::write_atomically(run / "config.toml", resolved.to_toml());
  train::pretrain_base(config, {.run = run, .resume = flags.resume});
  return 0;
}

}  // namespace

void add_pretrain_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand("pretrain", "train a small base or the reader from scratch");
  command->add_option("recipe", flags->recipe, "TOML recipe with task = \"base\" or \"reader\"")->required();
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")->expected(1)->take_all();
  command->add_option("--run", flags->run, "run folder (default: runs/pretrain-<recipe's name>)");
  command->add_flag("--resume", flags->resume, "go on from the run's newest checkpoint");
  command->callback([flags, &chosen] { chosen = [flags] { return pretrain(*flags); }; });
}

}  // namespace gamut::cli
