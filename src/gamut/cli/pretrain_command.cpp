// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/pretrain_recipe.h"
#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "gamut/core/stop.h"
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

constexpr int kStoppedOnRequest = 130;

int pretrain_reader(const Recipe& recipe, const Flags& flags) {
  if (flags.resume || !flags.run.empty())
    throw ConfigError("usage",
                      "the reader is trained in one go, without a run folder; leave out --run and --resume");
  train::ReaderTrainingConfig config;
  bind(recipe, config);
  install_stop_handler();
  train::pretrain_reader(config);
  return stop_requested() ? kStoppedOnRequest : 0;
}

// ConfigError naming the first key whose value differs from the run's.
void check_same_recipe(const Resolved& now, const std::filesystem::path& stored_config) {
  if (!std::filesystem::exists(stored_config))
    throw ConfigError("run", cat("nothing to resume in '", stored_config.parent_path().string(),
                                 "': it has no config.toml"));
  train::PretrainConfig stored;
  const Resolved before = bind(load_recipe(stored_config), stored);
  for (size_t i = 0; i < now.fields.size(); ++i)
    if (now.fields[i].toml != before.fields[i].toml)
      throw ConfigError("run", cat("a run resumes only under its own recipe; changed: ", now.fields[i].key,
                                   " was ", before.fields[i].toml, " and is ", now.fields[i].toml,
                                   "; start a new run, or undo the change"));
}

int pretrain(const Flags& flags) {
  if (flags.resume && flags.run.empty())
    throw ConfigError("usage", "--resume needs --run DIR, the run to go on with");
  const Recipe recipe = load_recipe(flags.recipe, flags.sets);
  if (task_of(recipe) == "reader") return pretrain_reader(recipe, flags);
  const std::filesystem::path run =
      flags.run.empty()
          ? io::free_run_folder("pretrain-" + std::filesystem::path(flags.recipe).stem().string())
          : std::filesystem::path(flags.run);
  train::PretrainConfig config;
  const Resolved resolved = bind(recipe, config);
  if (flags.resume) {
    check_same_recipe(resolved, run / "config.toml");
  } else {
    io::create_run_folder(run);
    io::write_atomically(run / "config.toml", resolved.to_toml());
  }
  install_stop_handler();
  return train::pretrain_base(config, {.run = run, .resume = flags.resume}) ? 0 : kStoppedOnRequest;
}

}  // namespace

void add_pretrain_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand("pretrain", "train a small base or the reader from scratch");
  command->add_option("recipe", flags->recipe, "TOML recipe with task = \"base\" or \"reader\"")->required();
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--run", flags->run, "run folder (default: runs/pretrain-<recipe's name>)");
  command->add_flag("--resume", flags->resume, "go on from the run's newest checkpoint");
  command->callback([flags, &chosen] { chosen = [flags] { return pretrain(*flags); }; });
}

}  // namespace gamut::cli
