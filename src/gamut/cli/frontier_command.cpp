// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/frontier_text.h"
#include "gamut/cli/number_flag.h"
#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/eval/frontier_json.h"
#include "gamut/eval/measures.h"
#include "gamut/run/frontier_runs.h"
#include "gamut/run/run_argument.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace gamut::cli {
namespace {

constexpr const char* kDefaultBaseline = "flow_grpo";

struct FrontierFlags {
  std::vector<std::string> runs;
  std::string baseline, x = "reward", y = "color_spread";
  eval::CompareOptions options;
  bool interpolate = false, json = false;
};

std::string names_of(const std::vector<eval::Method>& methods) {
  std::string names;
  for (const eval::Method& method : methods) names += cat(names.empty() ? "" : ", ", method.name);
  return names;
}

// nullptr when there is nothing to compare: one recipe alone.
const eval::Method* find_baseline(const std::vector<eval::Method>& methods, const std::string& asked) {
  const std::string name = asked.empty() ? kDefaultBaseline : asked;
  const auto found = std::find_if(methods.begin(), methods.end(), [&](const auto& m) { return m.name == name; });
  if (found != methods.end()) return methods.size() == 1 ? nullptr : &*found;
  if (asked.empty() && methods.size() == 1) return nullptr;
  throw ConfigError("frontier", cat("no run belongs to the baseline '", name, "'; got ", names_of(methods),
                                    "; choose one with --baseline"));
}

struct Found {
  run::ComparedRuns runs;
  std::vector<eval::Comparison> all, equal_time;  // against the baseline
};

Found compare_all(const FrontierFlags& flags) {
  std::vector<run::RunRows> rows;
  for (const std::string& path : run::run_arguments(flags.runs, ".jsonl"))
    for (run::RunRows& run : run::read_run_rows(path)) rows.push_back(std::move(run));
  Found found{.runs = run::compared_runs(rows, flags.x, flags.y), .all = {}, .equal_time = {}};
  const eval::Method* baseline = find_baseline(found.runs.methods, flags.baseline);
  if (!baseline) return found;
  const auto curves = [&](const eval::Method& method) { return flags.interpolate ? interpolated(method) : method; };
  const eval::Method held = curves(*baseline);
  for (const eval::Method& method : found.runs.methods) {
    if (&method == baseline) continue;
    const eval::Method compared = curves(method);
    found.all.push_back(eval::compare_methods(compared, held, flags.options));
    if (auto timed = eval::compare_at_equal_time(compared, held, flags.options))
      found.equal_time.push_back(std::move(*timed));
    else
      found.runs.notes.push_back(
          cat("no comparison at equal time for '", method.name, "': a training time is unknown"));
  }
  return found;
}

nlohmann::ordered_json as_json(const Found& found, const FrontierFlags& flags) {
  auto list = [](const auto& items) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const auto& item : items) out.push_back(eval::to_json(item));
    return out;
  };
  return {{"x", flags.x},
          {"y", flags.y},
          {"reported_apart", found.runs.reported_apart},
          {"interpolated", flags.interpolate},
          {"confidence", flags.options.bootstrap.confidence},
          {"resamples", flags.options.bootstrap.resamples},
          {"notes", found.runs.notes},
          {"methods", list(found.runs.methods)},
          {"comparisons", list(found.all)},
          {"comparisons_at_equal_time", list(found.equal_time)}};
}

void print_text(const Found& found, const FrontierFlags& flags) {
  std::string out = methods_text(found.runs.methods);
  const AxisNames axes{.x = flags.x, .y = flags.y};
  if (!found.all.empty()) out += "\n" + comparison_text(found.all, axes);
  if (!found.equal_time.empty()) {
    out += "\nWithin the training time that both have:";
    for (const eval::Comparison& comparison : found.equal_time)
      out += cat(&comparison == &found.equal_time.front() ? " " : ", ", comparison.method, " ",
                 format_duration(comparison.budget.value_or(0)));
    out += "\n" + comparison_text(found.equal_time, axes);
  }
  out += "(measured: averaged weights at every evaluated step)\n";
  for (const std::string& note : found.runs.notes) out += cat("note: ", note, "\n");
  std::printf("%s", out.c_str());
}

int frontier(FrontierFlags flags) {
  for (std::string* measure : {&flags.x, &flags.y}) *measure = eval::present_key(*measure);
  const Found found = compare_all(flags);
  if (flags.json)
    std::printf("%s\n", as_json(found, flags).dump(2).c_str());
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
  command->add_option("--baseline", flags->baseline, "recipe to compare with (default flow_grpo)");
  command->add_option("--x", flags->x, "measure of quality (default reward)");
  command->add_option("--y", flags->y, "measure of diversity (default color_spread)");
  command->add_option("--level", flags->options.levels, "also compare at this level of --x (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--resamples", flags->options.bootstrap.resamples, "bootstrap resamples (default 2000)")
      ->check(whole_number(100, 1000000));
  command->add_option("--confidence", flags->options.bootstrap.confidence, "of the intervals (default 0.95)")
      ->check(number_between(0.5, 0.999));
  command->add_flag("--interpolate", flags->interpolate,
                    "compare along straight lines between checkpoints, not in steps: for few checkpoints");
  command->add_flag("--json", flags->json, "one JSON object on stdout");
  command->callback([flags, &chosen] { chosen = [flags] { return frontier(*flags); }; });
}

}  // namespace gamut::cli
