// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/frontier_text.h"
#include "gamut/cli/number_flag.h"
#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/eval/measures.h"
#include "gamut/run/frontier_comparison.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

namespace gamut::cli {
namespace {

struct FrontierFlags {
  std::vector<std::string> runs;
  run::FrontierOptions options;
  bool json = false;
};

void print_text(const run::ComparedMethods& found, const FrontierFlags& flags) {
  std::string out = methods_text(found.runs.methods);
  const AxisNames axes{.x = flags.options.x, .y = flags.options.y};
  if (!found.all.empty()) out += "\n" + comparison_text(found.all, axes);
  if (!found.equal_time.empty()) {
    out += "\nWithin the training time that both have:";
    for (const eval::Comparison& comparison : found.equal_time)
      out += cat(&comparison == &found.equal_time.front() ? " " : ", ", comparison.method, " ",
                 format_duration(comparison.budget.value_or(0)));
    out += "\n" + comparison_text(found.equal_time, axes);
  }
  if (!found.tables.empty()) {
    out += "\n" + pairs_text(found.tables, axes);
    if (!found.timed_tables.empty())
      out += cat("\nWithin ", format_duration(found.budget.value_or(0)),
                 ", the training time of the shortest run:\n\n", pairs_text(found.timed_tables, axes));
    out += cat("(intervals: ", 100 * flags.options.compare.bootstrap.confidence,
               " % for all pairs of a level together, along lines between checkpoints)\n");
  }
  out += cat("(measured: ", flags.options.weights == "raw" ? "weights without averaging" : "averaged weights",
             " at every evaluated step)\n");
  for (const std::string& note : found.runs.notes) out += cat("note: ", note, "\n");
  std::printf("%s", out.c_str());
}

int frontier(FrontierFlags flags) {
  for (std::string* measure : {&flags.options.x, &flags.options.y}) *measure = eval::present_key(*measure);
  const run::ComparedMethods found = run::compare_all(flags.runs, flags.options);
  if (flags.json)
    std::printf("%s\n", run::to_json(found, flags.options).dump(2).c_str());
  else
    print_text(found, flags);
  return 0;
}

}  // namespace

void add_frontier_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<FrontierFlags>();
  CLI::App* command = program.add_subcommand(
      "frontier", "runs compared at equal reward and at equal diversity, with intervals over seeds");
  command->add_option("runs", flags->runs, "run folders NAME-SEED, or .jsonl files of collected evaluations")
      ->required();
  command->add_option("--baseline", flags->options.baseline, "recipe to compare with (default flow_grpo)");
  command->add_option("--x", flags->options.x, "measure of quality (default reward)");
  command->add_option("--y", flags->options.y, "measure of diversity (default color_spread)");
  command
      ->add_option("--level", flags->options.compare.levels, "also compare at this level of --x (repeatable)")
      ->allow_extra_args(false);
  command
      ->add_option("--resamples", flags->options.compare.bootstrap.resamples,
                   "bootstrap resamples (default 2000)")
      ->check(whole_number(100, 1000000));
  command
      ->add_option("--confidence", flags->options.compare.bootstrap.confidence,
                   "of the intervals (default 0.95)")
      ->check(number_between(0.5, 0.999));
  command->add_flag("--interpolate", flags->options.interpolate,
                    "compare along straight lines between checkpoints, not in steps: for few checkpoints");
  command
      ->add_option("--weights", flags->options.weights,
                   "ema: averaged (default), or raw, of runs with eval.raw")
      ->check(CLI::IsMember({"ema", "raw"}));
  command->add_flag(
      "--pairs", flags->options.pairs,
      "every pair of recipes at --level (default 0.8, 0.85, 0.9, 0.93, 0.95) and at the end, intervals "
      "corrected for their number; runs of one protocol");
  command->add_flag("--json", flags->json, "one JSON object on stdout");
  command->callback([flags, &chosen] { chosen = [flags] { return frontier(*flags); }; });
}

}  // namespace gamut::cli
