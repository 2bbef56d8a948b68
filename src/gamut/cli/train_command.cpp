// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/report_server.h"
#include "gamut/cli/train_hints.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/program.h"
#include "gamut/core/stop.h"
#include "gamut/io/run_folder.h"
#include "gamut/run/run_argument.h"
#include "gamut/run/run_identity.h"
#include "gamut/run/train_run.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdio>
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
    throw ConfigError("usage",
                      cat("--serve takes a port from 0 (any free one) to 65535; got '", flags.port, "'"));
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
  if (flags.resume && run::is_run(flags.recipe)) return flags.recipe;
  if (flags.resume) throw ConfigError("usage", "--resume needs --run DIR, the run to go on with");
  return io::free_run_folder(run::is_run(flags.recipe) ? run::run_name(flags.recipe)
                                                       : std::filesystem::path(flags.recipe).stem().string());
}

void print_outcome(const run::TrainRecipe& recipe, const run::TrainOutcome& done) {
  const bool is_adapter = recipe.train.lora.is_on();
  const std::string base = is_adapter ? cat("--model ", recipe.train.model, " --lora ") : "";
  std::printf("\n%s\nreward %s, judge %s\n%s\nmodel  %s%s\nsheet  %s\n", done.table.c_str(),
              done.reward.c_str(), done.judge.c_str(), done.cost.c_str(), base.c_str(), done.model.c_str(),
              done.sheet.c_str());
  // ComfyUI's key map of Stable Diffusion 1.x knows no other names.
  if (is_adapter)
    std::printf("for ComfyUI: %s convert lora %s %s --to kohya\n", program_name().c_str(), done.model.c_str(),
                (done.model.parent_path() / "kohya.safetensors").c_str());
  std::fflush(stdout);
}

int train(const TrainFlags& flags) {
  const std::optional<int> port = serve_port(flags);
  const std::filesystem::path folder = run_folder(flags);
  const run::TrainRecipe recipe = run::load_train_recipe(flags.recipe, flags.sets);
  const std::string again = train_command(flags);
  const std::string command =
      folder == flags.recipe ? again : cat(again, " --run ", shell_word(folder.string()));
  std::unique_ptr<ReportServer> server;
  const auto on_start = [&] {
    install_stop_handler();  // until here nothing would be lost
    if (port) {
      server = std::make_unique<ReportServer>(folder, *port);
      log_info(cat("live report at ", server->url(), " until the run ends"));
    }
    for (const std::string& line : watch_lines(folder, port ? "" : again + " --serve")) log_info(line);
  };
  const run::TrainOutcome done = run::train(
      recipe, {.folder = folder, .resume = flags.resume, .command = command, .on_start = on_start});
  end_progress();
  if (!done.finished) {
    log_info(
        cat("stopped after step ", done.steps, " with a checkpoint; go on with: ", command, " --resume"));
    return kStoppedOnRequest;
  }
  print_outcome(recipe, done);
  for (const std::string& line : next_lines(folder, recipe, done.first_prompt)) log_info(line);
  return 0;
}

}  // namespace

void add_train_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = program.add_subcommand("train", "RL fine-tuning by a recipe");
  command
      ->add_option("recipe", flags->recipe,
                   "TOML recipe, or a run folder: its recipe, and with --resume the run itself")
      ->required();
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--run", flags->run, "run folder (default: runs/<recipe's name>, numbered if taken)");
  command->add_flag("--resume", flags->resume, "go on from the run's newest checkpoint");
  CLI::Option* serve = command
                           ->add_option("--serve", flags->port,
                                        "live report on this machine, at port 8420 or PORT; 0 = any free one")
                           ->expected(0, 1)
                           ->type_name("[PORT]");
  command->callback([flags, serve, &chosen] {
    flags->serve = serve->count() > 0;
    chosen = [flags] { return train(*flags); };
  });
}

}  // namespace gamut::cli
