// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/train_run.h"
#include "gamut/core/error.h"
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

std::string train_command(const TrainFlags& flags, const std::filesystem::path& folder) {
  std::string text = "gamut train " + shell_word(flags.recipe);
  for (const std::string& set : flags.sets) text += " --set " + shell_word(set);
  return text + " --run " + shell_word(folder.string());
}

int train(const TrainFlags& flags) {
  if (flags.resume && flags.run.empty())
    throw ConfigError("usage", "--resume needs --run DIR, the run to go on with");
  const TrainRecipe recipe = load_train_recipe(flags.recipe, flags.sets);
  const std::filesystem::path folder =
      flags.run.empty() ? io::free_run_folder(std::filesystem::path(flags.recipe).stem().string())
                        : std::filesystem::path(flags.run);
  const std::string command = train_command(flags, folder);
  return run_training(recipe, {.folder = folder,
                               .resume = flags.resume,
                               .command = command,
                               .serve_port = serve_port(flags),
                               .resume_command = command + " --resume"});
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
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = program.add_subcommand("train", "RL fine-tuning by a recipe");
  command->add_option("recipe", flags->recipe, "TOML recipe")->required();
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
