// SPDX-License-Identifier: Apache-2.0
// The runs of a sweep as processes: some at once, resumed where they were stopped, one's failure nobody
// else's.
#pragma once

#include "gamut/run/sweep_plan.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::run {

struct SweepOptions {
  std::filesystem::path folder;  // run folders and logs: FOLDER/<name>/, FOLDER/<name>.log
  int64_t jobs = 1, threads = 1;
  bool json_log = false;  // passed on to the runs
};

// A run that did not finish: why, in one line, and the exit code of its class.
struct FailedRun {
  std::string name, why;
  int code = 0;
};

struct SweepOutcome {
  std::vector<FailedRun> failed;
  size_t complete = 0;   // runs that are done, now or before
  bool stopped = false;  // on request; the runs wrote checkpoints
};

enum class RunState {
  kToDo,
  kBegun,
  kComplete,  // all iterations made and the closing table written
  kOther,     // the folder holds a run of another recipe
};

// `changes`, if given, receives the keys that differ. Where a finished run was trained (`device`) may differ:
// it says nothing about what the run is.
RunState state_of(const PlannedRun& run, const std::filesystem::path& folder, std::string* changes = nullptr);

// Runs what is not complete. On the stop flag every process is asked once to end, which it does after a
// checkpoint.
SweepOutcome run_processes(const std::vector<PlannedRun>& runs, const SweepOptions& options);

}  // namespace gamut::run
