// SPDX-License-Identifier: Apache-2.0
// Every evaluation of every complete run of a sweep, one JSON line each.
#pragma once

#include "gamut/eval/methods_table.h"
#include "gamut/run/sweep_plan.h"

#include <filesystem>
#include <vector>

namespace gamut::run {

// Writes FOLDER/results.jsonl: the rows of evals.jsonl with `recipe` (the method), `seed` (the run's; the
// evaluation's own becomes `eval_seed`), `run`, `train_seconds` and, once per run, `protocol` before them.
// Atomic; without a complete run nothing is written. Returns the runs that went in.
std::vector<std::filesystem::path> collect_results(const std::vector<PlannedRun>& runs,
                                                   const std::filesystem::path& folder);

// The rows that tables are made of: main evaluation seed, averaged weights, training's prompts. DataError for
// a row without recipe, seed or step; ConfigError for runs of two protocols (protocol.h).
std::vector<eval::MethodRow> read_results(const std::filesystem::path& file);

}  // namespace gamut::run
