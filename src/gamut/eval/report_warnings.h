// SPDX-License-Identifier: Apache-2.0
// What a reader of the report must know before believing a run. docs/report.md states each rule; here they
// are.
#pragma once

#include "gamut/eval/report.h"

#include <vector>

namespace gamut::eval {

struct WarningLimits {
  double ratio = 1e-4;       // largest |ratio - 1| that is rounding
  double kept = 0.5;         // share of the base's variety
  double judge_fall = 0.02;  // in the judge's own unit, from its best evaluation
  double zero_groups = 0.5;  // share of groups without signal, mean of the last quarter of the steps
  double rise = 0.05;        // share of the whole gain that the last interval brought
  double fallbacks = 0.5;    // share of groups whose subset was refused, mean over the run
};

std::vector<Warning> warnings_of(const ReportRun& run, const WarningLimits& limits = {});

}  // namespace gamut::eval
