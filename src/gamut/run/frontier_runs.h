// SPDX-License-Identifier: Apache-2.0
// Runs as the curves that eval/frontier.h compares.
#pragma once

#include "gamut/eval/frontier.h"
#include "gamut/run/run_rows.h"

#include <string>
#include <vector>

namespace gamut::run {

struct ComparedRuns {
  std::vector<eval::Method> methods;  // in the order of the arguments
  bool reported_apart = false;        // every run has rows of role "report"
  std::vector<std::string> notes;     // what a reader must know beside the numbers
};

// Groups runs by recipe. ConfigError when runs cannot be compared (naming what differs), a group holds two
// recipes or one seed twice, or a measure is in no row.
ComparedRuns compared_runs(const std::vector<RunRows>& runs, const std::string& x, const std::string& y);

}  // namespace gamut::run
