// SPDX-License-Identifier: Apache-2.0
// The learning rate over a run: linear warm-up, then level or down.
#pragma once

#include "gamut/core/config.h"

#include <cstdint>
#include <string>

namespace gamut::train {

// [lr_schedule] of a fine-tuning recipe. After the warm-up as transformers' get_constant_, get_linear_ and
// get_cosine_schedule_with_warmup, which warm up from 0 where this starts at 1 / warmup.
struct LearningRateSchedule {
  std::string kind = "constant";  // constant | linear | cosine
  int64_t warmup = 0;             // steps
  double final_rate = 0;  // linear, cosine: where the last step would be followed, a share of the full rate
  void fields(FieldVisitor& v);
  // Of the full rate at `step` of `steps`, counted from 0.
  double share(int64_t step, int64_t steps) const;
};

}  // namespace gamut::train
