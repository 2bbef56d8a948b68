// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/run_argument.h"
#include "gamut/cli/run_identity.h"
#include "gamut/cli/train_run.h"
#include "gamut/core/error.h"
#include "gamut/core/program.h"
#include "gamut/io/run_folder.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <memory>
#include <optional>
#include <system_error>

namespace gamut::cli {
namespace {

struct TrainFlags {
  std::string recipe, run;
  std::vector<std::string> sets;
  bool resume = false;
  std::string port;  // as given; "" = the usual one
  bool serve = false;
};

constexpr int kUsualPort = 8420;

std::optional<int> serve_port(const TrainFlags& flags) {
  if (!flags.serve) return std::nullopt;
  int port = kUsualPort;
  const char* end = flags.port.data() + flags.port.size();
  const auto [stopped, error] = std::from_chars(flags.port.data(), end, port);
  if (!flags.port.empty() && (error != std::errc() || stopped != end || port < 0 || port > 65535))
    throw ConfigError("usage", cat("--serve takes a port from 0 (any free one) to 65535; got '", flags.port, "'"));
  return port;
}

// Without the run folder: as one starts such a run once more.
std::string train_command(const TrainFlags& flags) {
  std::string text = program_name() + " train " + shell_word(flags.recipe);
  for (const std::string& set : flags.sets) text += " --set " + shell_word(set);
  return text;
}

std::filesystem::path run_folder(const TrainFlags& flags) {
  if (!flags.run.empty()) return flags.run;
  // RUN --resume goes on in RUN; RUN alone is the recipe of a new one.
  if (flags.resume && is_run(flags.recipe)) return flags.recipe;
  if (flags.resume) throw ConfigError("usage", "--resume needs --run DIR, the run to go on with");
  return io::free_run_folder(is_run(flags.recipe) ? run_name(flags.recipe)
                                                  : std::filesystem::path(flags.recipe).stem().string());
}

int train(const TrainFlags& flags) {
  const std::optional<int> port = serve_port(flags);
  const std::filesystem::path folder = run_folder(flags);
  const TrainRecipe recipe = load_train_recipe(flags.recipe, flags.sets);
  const std::string again = train_command(flags);
  const std::string command =
      folder == flags.recipe ? again : cat(again, " --run ", shell_word(folder.string()));
  return run_training(recipe, {.folder = folder,
                               .resume = flags.resume,
                               .command = command,
                               .serve_port = port,
                               .resume_command = command + " --resume",
                               .serve_command = again + " --serve"});
}

}  // namespace

void add_train_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = program.add_subcommand("train", "RL fine-tuning by a recipe");
  command
      ->add_option("recipe", flags->recipe, "TOML recipe, or a run folder: its recipe, and with --resume the run itself")
      ->required();
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--run", flags->run, "run folder (default: runs/<recipe's name>, numbered if taken)");
  command->add_flag("--resume", flags->resume, "go on from the run's newest checkpoint");
  CLI::Option* serve =
      command->add_option("--serve", flags->port, "live report on this machine, at port 8420 or PORT; 0 = any free one")
          ->expected(0, 1)
          ->type_name("[PORT]");
  command->callback([flags, serve, &chosen] {
    flags->serve = serve->count() > 0;
    chosen = [flags] { return train(*flags); };
  });
}

}  // namespace gamut::cli
