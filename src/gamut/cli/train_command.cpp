// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/train_run.h"
#include "gamut/core/error.h"
#include "gamut/io/run_folder.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace gamut::cli {
namespace {

struct Flags {
  std::string recipe, run;
  std::vector<std::string> sets;
  bool resume = false;
};

std::string resume_command(const Flags& flags, const std::filesystem::path& folder) {
  std::string text = "gamut train " + shell_word(flags.recipe);
  for (const std::string& set : flags.sets) text += " --set " + shell_word(set);
  return text + " --run " + shell_word(folder.string()) + " --resume";
}

int train(const Flags& flags) {
  if (flags.resume && flags.run.empty())
    throw ConfigError("usage", "--resume needs --run DIR, the run to go on with");
  const TrainRecipe recipe = load_train_recipe(flags.recipe, flags.sets);
  const std::filesystem::path folder =
      flags.run.empty() ? io::free_run_folder(std::filesystem::path(flags.recipe).stem().string())
                        : std::filesystem::path(flags.run);
  return run_training(
      recipe, {.folder = folder, .resume = flags.resume, .resume_command = resume_command(flags, folder)});
}

}  // namespace

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./=:,+@%") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

void add_train_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand("train", "RL fine-tuning by a recipe");
  command->add_option("recipe", flags->recipe, "TOML recipe")->required();
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--run", flags->run, "run folder (default: runs/<recipe's name>, numbered if taken)");
  command->add_flag("--resume", flags->resume, "go on from the run's newest checkpoint");
  command->callback([flags, &chosen] { chosen = [flags] { return train(*flags); }; });
}

}  // namespace gamut::cli
