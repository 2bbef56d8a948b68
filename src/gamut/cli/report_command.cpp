// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/number_flag.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/stop.h"
#include "gamut/eval/report.h"
#include "gamut/io/files.h"
#include "gamut/run/report_run.h"
#include "gamut/run/run_argument.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

struct ReportFlags {
  std::vector<std::string> runs;
  std::string out = "report.html", baseline;
  bool follow = false;
  int64_t seconds = 10;
};

// Whether a run still goes on. The last page of a followed run must not reload itself.
bool write_report(run::RunReport& reader, const ReportFlags& flags) {
  eval::Report report = reader.read();
  const bool goes_on = flags.follow && std::any_of(report.runs.begin(), report.runs.end(),
                                                   [](const eval::ReportRun& run) { return !run.finished; });
  report.refresh_seconds = goes_on ? flags.seconds : 0;
  io::write_atomically(flags.out, eval::report_page(report));
  return goes_on;
}

// In slices, so that Ctrl-C is heard.
void wait(int64_t seconds) {
  for (int64_t i = 0; i < 10 * seconds && !stop_requested(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

int report(const ReportFlags& flags) {
  const std::vector<std::string> runs = run::run_arguments(flags.runs);
  const std::vector<fs::path> folders(runs.begin(), runs.end());
  run::RunReport reader(folders, flags.baseline);
  if (flags.follow) {
    install_stop_handler();
    log_info(cat("following ", folders.size(), " runs into ", flags.out, " every ", flags.seconds,
                 " s until they have finished; Ctrl-C stops"));
  }
  while (write_report(reader, flags) && !stop_requested()) wait(flags.seconds);
  std::printf("%s\n", flags.out.c_str());
  return 0;
}

}  // namespace

void add_report_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = program.add_subcommand("report", "one self-contained HTML page about runs");
  command->add_option("runs", flags->runs, "run folders; <name>-<seed> are seeds of one recipe")->required();
  command->add_option("-o,--out", flags->out, "the page (default report.html)");
  command->add_option("--baseline", flags->baseline,
                      "recipe that others are compared with (default flow_grpo)");
  command->add_flag("--follow", flags->follow, "write the page again and again while the runs go on");
  command->add_option("--every", flags->seconds, "--follow: seconds between two pages (default 10)")
      ->check(whole_number(1, 86400));
  command->callback([flags, &chosen] { chosen = [flags] { return report(*flags); }; });
}

}  // namespace gamut::cli
