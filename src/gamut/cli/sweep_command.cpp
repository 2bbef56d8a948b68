// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/number_flag.h"
#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/core/log.h"
#include "gamut/core/program.h"
#include "gamut/core/stop.h"
#include "gamut/eval/attained_table.h"
#include "gamut/io/files.h"
#include "gamut/io/run_lock.h"
#include "gamut/run/child_process.h"
#include "gamut/run/sweep_plan.h"
#include "gamut/run/sweep_process.h"
#include "gamut/run/sweep_results.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

struct SweepFlags {
  std::string sweep, folder, results;
  std::vector<std::string> sets;
  int64_t jobs = 0, threads = 0;  // 0 = as in the file
  bool list = false, table = false, json_log = false;
};

run::SweepConfig configured(const SweepFlags& flags) {
  run::SweepConfig sweep = run::load_sweep(flags.sweep);
  if (!flags.folder.empty()) sweep.folder = flags.folder;
  if (flags.jobs > 0) sweep.jobs = flags.jobs;
  if (flags.threads > 0) sweep.threads = flags.threads;
  return sweep;
}

void print_list(const std::vector<run::PlannedRun>& runs, const fs::path& folder,
                const run::EndedRuns& ended) {
  for (const run::PlannedRun& run : runs) {
    const fs::path at = folder / run.name;
    if (ended.contains(run.name)) {
      std::printf("%-9s %s\n", "elsewhere", run.name.c_str());
      continue;
    }
    constexpr const char* kNames[] = {"to do", "begun", "complete", "other"};
    std::printf("%-9s %s\n", kNames[size_t(run::state_of(run, at))], at.c_str());
  }
}

std::string spaced(const std::string& table) { return table.empty() ? "" : "\n" + table; }

void print_tables(const fs::path& results, const std::vector<double>& levels) {
  const std::vector<eval::MethodRow> rows = run::read_results(results);
  std::printf("%s", eval::final_table(rows).c_str());
  for (const double level : levels)
    std::printf("\n%s", (eval::attained_table(rows, level) + spaced(eval::ranks_table(rows, level))).c_str());
  std::printf("%s", spaced(eval::ranks_table(rows, std::nullopt)).c_str());
}

// A closing page made by this program's own command; its failure is a warning, since the runs are done.
void make_page(const std::string& title, run::ChildCommand command, const fs::path& page) {
  const fs::path log = fs::path(page).concat(".log");
  command.err = log;
  if (command.out.empty()) command.out = log;
  std::error_code ignored;
  for (const fs::path& old : {command.out, command.err}) fs::remove(old, ignored);
  const run::ChildEnd end = run::wait_for_child(run::start_child(command));
  if (end.code == 0 && end.ended_by == 0)
    std::printf("%-9s %s\n", title.c_str(), page.c_str());
  else
    log_warning(cat(title, " failed, see ", log.string()));
  if (end.code == 0 && fs::exists(log) && fs::is_empty(log)) fs::remove(log, ignored);
}

bool has_command(const CLI::App& program, const std::string& name) {
  const auto commands = program.get_subcommands({});
  return std::any_of(commands.begin(), commands.end(),
                     [&](const auto* command) { return command->get_name() == name; });
}

// `runs`: this machine's; with runs that ended elsewhere the comparison is made of the collected rows.
void make_pages(const CLI::App& program, const std::vector<fs::path>& runs, bool has_ended,
                const run::SweepConfig& sweep, const std::string& baseline) {
  std::vector<std::string> folders, compared;
  for (const fs::path& run : runs) folders.push_back(run.string());
  compared = has_ended ? std::vector{(fs::path(sweep.folder) / "results.jsonl").string()} : folders;
  auto args = [&](const std::string& command, const std::vector<std::string>& more) {
    const std::vector<std::string>& paths = command == "report" ? folders : compared;
    std::vector<std::string> words{command};
    words.insert(words.end(), paths.begin(), paths.end());
    words.insert(words.end(), {"--baseline", baseline});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  std::vector<std::string> levels;
  for (const double level : sweep.levels) levels.insert(levels.end(), {"--level", cat(level)});
  const fs::path folder = sweep.folder;
  if (has_command(program, "frontier")) {
    make_page(
        "frontier",
        {.args = args("frontier", levels), .environment = {}, .out = folder / "frontier.txt", .err = {}},
        folder / "frontier.txt");
    levels.push_back("--json");
    make_page(
        "frontier",
        {.args = args("frontier", levels), .environment = {}, .out = folder / "frontier.json", .err = {}},
        folder / "frontier.json");
  }
  if (has_command(program, "report") && !runs.empty())
    make_page("report",
              {.args = args("report", {"-o", (folder / "report.html").string()}),
               .environment = {},
               .out = {},
               .err = {}},
              folder / "report.html");
}

int closing(const run::SweepOutcome& outcome, size_t planned, const std::string& again) {
  for (const run::FailedRun& failed : outcome.failed)
    log_warning(cat("failed: ", failed.name, ": ", failed.why));
  if (outcome.stopped) {
    log_info(cat("stopped with ", outcome.complete, " of ", planned, " runs done; go on with: ", again));
    return kStoppedOnRequest;
  }
  if (outcome.failed.empty()) return 0;
  log_error(cat("[sweep] ", outcome.failed.size(), " of ", planned,
                " runs failed; mend the cause and start again: ", again, " (what is done is kept)"));
  return outcome.failed.front().code;
}

// The command that goes on with this sweep.
std::string again(const SweepFlags& flags) {
  std::string text = program_name() + " sweep " + shell_word(flags.sweep);
  for (const std::string& set : flags.sets) text += " --set " + shell_word(set);
  if (!flags.folder.empty()) text += " --folder " + shell_word(flags.folder);
  if (flags.jobs > 0) text += cat(" --jobs ", flags.jobs);
  if (flags.threads > 0) text += cat(" --threads ", flags.threads);
  return text;
}

int run_sweep(const CLI::App& program, const SweepFlags& flags) {
  const run::SweepConfig sweep = configured(flags);
  const fs::path folder = sweep.folder;
  if (!flags.results.empty()) return print_tables(flags.results, sweep.levels), 0;
  const std::string file = find_input(flags.sweep, NamedBy::kCommandLine).name;
  const std::vector<run::PlannedRun> runs = run::plan_runs(sweep, file, flags.sets);
  const run::EndedRuns ended = run::read_ended(runs, sweep.ended);
  if (flags.list) return print_list(runs, folder, ended), 0;
  if (flags.table) {
    run::collect_results(runs, folder, ended);
    return print_tables(folder / "results.jsonl", sweep.levels), 0;
  }
  fs::create_directories(folder);
  const io::RunLock lock(folder);
  install_stop_handler();
  log_info(cat("sweep ", sweep.name, ": ", runs.size(), " runs, ", sweep.jobs, " at once with ",
               sweep.threads, sweep.threads == 1 ? " thread each" : " threads each", ", in ",
               folder.string()));
  std::vector<run::PlannedRun> own;
  std::ranges::copy_if(runs, std::back_inserter(own),
                       [&](const run::PlannedRun& run) { return !ended.contains(run.name); });
  const run::SweepOutcome outcome = run::run_processes(
      own, {.folder = folder, .jobs = sweep.jobs, .threads = sweep.threads, .json_log = flags.json_log});
  const std::vector<fs::path> complete = run::collect_results(runs, folder, ended);
  if (!complete.empty() || !ended.empty()) std::printf("results   %s\n", (folder / "results.jsonl").c_str());
  if ((!complete.empty() || !ended.empty()) && !outcome.stopped)
    make_pages(program, complete, !ended.empty(), sweep, run::baseline_of(sweep, runs));
  return closing(outcome, own.size(), again(flags));
}

}  // namespace

void add_sweep_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<SweepFlags>();
  CLI::App* command =
      program.add_subcommand("sweep", "recipes x seeds as processes, then frontier and report");
  command->add_option("sweep", flags->sweep, "TOML file that names recipes and seeds")->required();
  command->add_option("--set", flags->sets, "override one key of every run: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--folder", flags->folder, "where the run folders stand (default: the file's)");
  command->add_option("--jobs", flags->jobs, "runs at once (default: the file's)")
      ->check(whole_number(1, 1024));
  command->add_option("--threads", flags->threads, "threads of each run (default: the file's)")
      ->check(whole_number(1, 1024));
  command->add_flag("--list", flags->list, "only list the runs and what is done");
  command->add_flag("--table", flags->table, "only print the complete runs as Markdown tables");
  command->add_option("--results", flags->results, "print the tables of this results.jsonl");
  command->callback([flags, &program, &chosen] {
    flags->json_log = program.count("--json-log") > 0;
    chosen = [flags, &program] { return run_sweep(program, *flags); };
  });
}

}  // namespace gamut::cli
