// SPDX-License-Identifier: Apache-2.0
// Every evaluation of every complete run of a sweep, one JSON line each, of runs that ended elsewhere too.
#pragma once

#include "gamut/eval/methods_table.h"
#include "gamut/run/sweep_plan.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gamut::run {

// Rows of runs that ended elsewhere, as they stand in a results.jsonl, by PlannedRun::name.
using EndedRuns = std::map<std::string, std::string>;

// Of these files the planned runs that reached their last iteration; rows of other runs are left out.
// DataError for a file that is missing or malformed, or for a run that is in two of them; ConfigError for one
// that was trained with other settings, or does not say with which.
EndedRuns read_ended(const std::vector<PlannedRun>& runs, const std::vector<std::string>& files);

// Writes FOLDER/results.jsonl: the rows of evals.jsonl with `recipe` (the method), `seed` (the run's; the
// evaluation's own becomes `eval_seed`), `run`, `train_seconds` and, once per run, `protocol` and `settings`
// before them; and the ended runs' as they are. Atomic; without a complete run nothing is written. Returns
// the folders of this machine's.
std::vector<std::filesystem::path> collect_results(const std::vector<PlannedRun>& runs,
                                                   const std::filesystem::path& folder,
                                                   const EndedRuns& ended);

// The rows that tables are made of: main evaluation seed, averaged weights, training's prompts. DataError for
// a row without recipe, seed or step; ConfigError for runs of two protocols (protocol.h).
std::vector<eval::MethodRow> read_results(const std::filesystem::path& file);

}  // namespace gamut::run
