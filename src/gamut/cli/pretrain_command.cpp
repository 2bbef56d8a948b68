// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/pretrain_recipe.h"
#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/program.h"
#include "gamut/core/stop.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/io/run_lock.h"
#include "gamut/run/run_argument.h"
#include "gamut/tasks/glyphs/pretrain.h"
#include "gamut/tasks/glyphs/pretrain_clip.h"
#include "gamut/tasks/glyphs/pretrain_reader.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace gamut::cli {
namespace {

struct PretrainFlags {
  std::string recipe, run;
  std::vector<std::string> sets;
  bool resume = false;
};

int pretrain_reader(const Recipe& recipe, const PretrainFlags& flags) {
  if (flags.resume || !flags.run.empty())
    throw ConfigError("usage",
                      "the reader is trained in one go, without a run folder; leave out --run and --resume");
  glyphs::ReaderTrainingConfig config;
  bind(recipe, config);
  install_stop_handler();
  glyphs::pretrain_reader(config);
  return stop_requested() ? kStoppedOnRequest : 0;
}

// ConfigError naming the first key whose value differs from the run's.
void check_same_recipe(const Resolved& now, const std::filesystem::path& stored_config) {
  if (!std::filesystem::exists(stored_config))
    throw ConfigError("run", cat("nothing to resume in '", stored_config.parent_path().string(),
                                 "': it has no config.toml"));
  const Resolved before = resolve_pretrain_recipe(load_recipe(stored_config));
  if (before.fields.size() != now.fields.size())
    throw ConfigError("run", cat("a run resumes only under its own recipe; '", stored_config.string(),
                                 "' trains something else; start a new run"));
  for (size_t i = 0; i < now.fields.size(); ++i)
    if (now.fields[i].toml != before.fields[i].toml)
      throw ConfigError("run", cat("a run resumes only under its own recipe; changed: ", now.fields[i].key,
                                   " was ", before.fields[i].toml, " and is ", now.fields[i].toml,
                                   "; start a new run, or undo the change"));
}

std::filesystem::path open_run(const PretrainFlags& flags, const Resolved& resolved) {
  const std::filesystem::path run =
      flags.run.empty()
          ? io::free_run_folder("pretrain-" + std::filesystem::path(flags.recipe).stem().string())
          : std::filesystem::path(flags.run);
  if (flags.resume) {
    check_same_recipe(resolved, run / "config.toml");
  } else {
    io::create_run_folder(run);
    io::write_atomically(run / "config.toml", resolved.to_toml());
  }
  return run;
}

// A task with a run folder: its config and the function that trains.
template <class Config>
int pretrain_in_run(const Recipe& recipe, const PretrainFlags& flags,
                    bool (*train)(const Config&, const glyphs::PretrainOptions&)) {
  Config config;
  const Resolved resolved = bind(recipe, config);
  const std::filesystem::path run = open_run(flags, resolved);
  const io::RunLock lock(run);
  install_stop_handler();
  if (train(config, {.run = run, .resume = flags.resume})) return 0;
  std::string command = program_name() + " pretrain " + shell_word(flags.recipe);
  for (const std::string& set : flags.sets) command += " --set " + shell_word(set);
  log_info(cat("go on with: ", command, " --run ", shell_word(run.string()), " --resume"));
  return kStoppedOnRequest;
}

int pretrain(const PretrainFlags& given) {
  const bool of_run = std::filesystem::exists(std::filesystem::path(given.recipe) / "config.toml");
  PretrainFlags flags = given;
  if (flags.resume && flags.run.empty() && of_run) flags.run = flags.recipe;
  if (flags.resume && flags.run.empty())
    throw ConfigError("usage", "--resume needs --run DIR, the run to go on with");
  const Recipe recipe = load_recipe(run::recipe_file(flags.recipe), flags.sets);
  const std::string task = task_of(recipe);
  if (task == "reader" || task == "faces") return pretrain_reader(recipe, flags);
  if (task == "clip") return pretrain_in_run(recipe, flags, glyphs::pretrain_clip);
  return pretrain_in_run(recipe, flags, glyphs::pretrain_base);
}

}  // namespace

void add_pretrain_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<PretrainFlags>();
  CLI::App* command =
      program.add_subcommand("pretrain", "train a small base, the reader or a CLIP from scratch");
  command
      ->add_option("recipe", flags->recipe,
                   "TOML recipe with task = \"base\", \"reader\", \"faces\" or \"clip\"")
      ->required();
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--run", flags->run, "run folder (default: runs/pretrain-<recipe's name>)");
  command->add_flag("--resume", flags->resume, "go on from the run's newest checkpoint");
  command->callback([flags, &chosen] { chosen = [flags] { return pretrain(*flags); }; });
}

}  // namespace gamut::cli
