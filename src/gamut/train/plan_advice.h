// SPDX-License-Identifier: Apache-2.0
// Which changes of a recipe would make it fit, each tried by planning again.
#pragma once

#include "gamut/train/plan.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::train {

struct Advice {
  std::vector<std::string> alone;  // "rollout.micro_batch=4": each of them fits by itself
  std::vector<std::string>
      together;             // only when none does alone: these fit together; empty when not even all do
  int64_t least_bytes = 0;  // needed with the last set tried; only when nothing fits
};

// For a plan that needs more than `device_bytes`, in each of `ranks` processes.
Advice advise(const TrainConfig& config, const std::vector<text::Prompt>& prompts, const PlanOptions& options,
              int64_t device_bytes, int64_t ranks = 1);

}  // namespace gamut::train
