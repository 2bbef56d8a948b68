// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/report_server.h"
#include "gamut/cli/train_hints.h"
#include "gamut/comm/group.h"
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
#include <cstdlib>
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

std::string usual_name(const TrainFlags& flags) {
  return run::is_run(flags.recipe) ? run::run_name(flags.recipe)
                                   : std::filesystem::path(flags.recipe).stem().string();
}

std::filesystem::path run_folder(const TrainFlags& flags) {
  if (!flags.run.empty()) return flags.run;
  // RUN --resume goes on in RUN; RUN alone is the recipe of a new one.
  if (flags.resume) return flags.recipe;
  return io::free_run_folder(usual_name(flags));
}

// Where rank 0 decides to train, and whether a run goes on there: by the flags, or because the launcher
// started the processes anew and the folder holds an unfinished run of this very recipe.
struct Where {
  std::filesystem::path folder;
  bool resume = false;
};

Where where(const TrainFlags& flags, const run::TrainRecipe& recipe, const comm::Group& group) {
  if (flags.resume || group.place().attempt == 0) return {run_folder(flags), flags.resume};
  const std::filesystem::path begun =
      flags.run.empty() ? io::newest_run_folder(usual_name(flags)) : std::filesystem::path(flags.run);
  if (begun.empty() || !std::filesystem::exists(begun / "config.toml") ||
      std::filesystem::exists(begun / "before_after.txt") ||
      !run::recipe_changes(recipe, begun / "config.toml").empty())
    return {run_folder(flags), false};
  log_info(cat("started anew by the launcher (attempt ", group.place().attempt + 1, "): going on in ",
               begun.string()));
  return {begun, true};
}

Where agreed(const Where& mine, comm::Group& group) {
  const std::string folder = group.from_first(mine.folder.string());
  return {folder, group.from_first(mine.resume ? "resume" : "") == "resume"};
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

int train_in(comm::Group& group, const TrainFlags& flags, const run::TrainRecipe& recipe) {
  const std::optional<int> port = group.leads() ? serve_port(flags) : std::nullopt;
  const Where chosen = agreed(group.leads() ? where(flags, recipe, group) : Where{}, group);
  const std::filesystem::path& folder = chosen.folder;
  const std::string again = train_command(flags);
  const std::string command =
      folder == flags.recipe ? again : cat(again, " --run ", shell_word(folder.string()));
  std::unique_ptr<ReportServer> server;
  const auto on_start = [&] {
    install_stop_handler();  // until here nothing would be lost
    if (!group.leads()) return;
    if (!group.is_one()) log_info(cat("ranks  ", group.size(), " processes; this is ", group.name()));
    if (port) {
      server = std::make_unique<ReportServer>(folder, *port);
      log_info(cat("live report at ", server->url(), " until the run ends"));
    }
    for (const std::string& line : watch_lines(folder, port ? "" : again + " --serve")) log_info(line);
  };
  const run::TrainOutcome done = run::train(
      recipe,
      {.folder = folder, .resume = chosen.resume, .command = command, .group = &group, .on_start = on_start});
  end_progress();
  if (!done.finished) {
    log_info(
        cat("stopped after step ", done.steps, " with a checkpoint; go on with: ", command, " --resume"));
    return kStoppedOnRequest;
  }
  if (!group.leads()) return 0;
  print_outcome(recipe, done);
  for (const std::string& line : next_lines(folder, recipe, done.first_prompt)) log_info(line);
  return 0;
}

// One process, or all that a launcher started (docs/howto/many_gpus.md): then rank 0 speaks for all.
int train(const TrainFlags& flags) {
  if (flags.resume && flags.run.empty() && !run::is_run(flags.recipe))
    throw ConfigError("usage", "--resume needs --run DIR, the run to go on with");
  const comm::Place place = comm::place();
  const run::TrainRecipe recipe = run::load_train_recipe(flags.recipe, flags.sets);
  if (place.is_group() && recipe.train.device == "cuda") {
    const std::string gpu = comm::own_gpu(place, std::getenv("CUDA_VISIBLE_DEVICES"));
    if (!gpu.empty()) ::setenv("CUDA_VISIBLE_DEVICES", gpu.c_str(), 1);  // before CUDA looks
  }
  const std::unique_ptr<comm::Group> group = comm::Group::join(place, recipe.train.comm.timeout);
  if (!group->leads()) set_log_level(LogLevel::kQuiet);
  try {
    return train_in(*group, flags, recipe);
  } catch (const std::exception& error) {
    group->tell_failure(error.what());
    throw;
  }
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
