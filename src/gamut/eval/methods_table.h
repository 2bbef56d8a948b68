// SPDX-License-Identifier: Apache-2.0
// Methods over seeds as two Markdown tables: at the end of training, and at the same reward.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gamut::eval {

// One evaluation of one run.
struct MethodRow {
  std::string method;  // "diverse_grpo@pooled"
  int64_t seed = 0;    // of the training run
  int64_t step = 0;    // 0 = the base
  double seconds = 0;  // of training until then
  // Keys of evals.jsonl, held-out ones as "heldout.<key>"; a missing one is shown as a dash.
  std::map<std::string, double> measures = {};
  // The same on the reporting seed, where there is one: checkpoints are chosen by `measures`, and these are
  // shown.
  std::map<std::string, double> reported = {};
};

// Each method's last evaluation: mean over seeds (smallest–largest), the base first, methods as they first
// appear.
std::string final_table(const std::vector<MethodRow>& rows);
// Among a run's checkpoints after the base with reward >= level: the one of the largest color spread, with
// its other measures, over the seeds that have one.
std::string matched_table(const std::vector<MethodRow>& rows, double level);

}  // namespace gamut::eval
