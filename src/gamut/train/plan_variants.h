// SPDX-License-Identifier: Apache-2.0
// What memory-saving keys would change, each tried by planning again.
#pragma once

#include "gamut/train/plan.h"
#include "gamut/train/plan_ranks.h"

#include <string>
#include <vector>

namespace gamut::train {

struct PlanVariant {
  std::string change;  // "gradient_checkpointing=true", as --set takes it
  RankPlan rank;
};

// The recipe with gradient checkpointing, int8 base weights and divided state set the other way, each by
// itself, as far as it has a meaning; with `ranks` = 1 without the last.
std::vector<PlanVariant> plan_variants(const TrainConfig& config, const std::vector<text::Prompt>& prompts,
                                       const PlanOptions& options, int64_t ranks);

}  // namespace gamut::train
