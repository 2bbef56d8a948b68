// SPDX-License-Identifier: Apache-2.0
// Methods over seeds as a Markdown table: at the end of training. attained_table.h has them at the same
// reward.
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

struct MeasureColumn {
  std::string key, title;
};
// The measures that some row has, and of held-out prompts those that are meant for them.
std::vector<MeasureColumn> columns_of(const std::vector<MethodRow>& rows);

// Each method's last evaluation: mean over seeds (smallest–largest), the base first, methods as they first
// appear.
std::string final_table(const std::vector<MethodRow>& rows);

}  // namespace gamut::eval
