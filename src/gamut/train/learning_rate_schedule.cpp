// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/learning_rate_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gamut::train {

void LearningRateSchedule::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"constant", "linear", "cosine"}),
          "after the warm-up: level, or down over the run");
  v.field("warmup", warmup, at_least(0), "iterations of linear warm-up");
  v.field("final_rate", final_rate, between(0, 1),
          "linear, cosine: the share of the rate that the run ends at");
}

double LearningRateSchedule::share(int64_t step, int64_t steps) const {
  if (step < warmup) return double(step + 1) / double(warmup);
  if (kind == "constant") return 1;
  const double done = double(step - warmup) / double(std::max<int64_t>(1, steps - warmup));
  const double left = kind == "linear" ? 1 - done : 0.5 * (1 + std::cos(std::numbers::pi * done));
  return final_rate + (1 - final_rate) * left;
}

}  // namespace gamut::train
