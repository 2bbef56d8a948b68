// SPDX-License-Identifier: Apache-2.0
// A plan as people read it.
#pragma once

#include "gamut/cli/device_memory.h"
#include "gamut/run/train_recipe.h"
#include "gamut/train/plan.h"
#include "gamut/train/plan_advice.h"
#include "gamut/train/plan_ranks.h"
#include "gamut/train/plan_variants.h"

#include <optional>
#include <string>

namespace gamut::cli {

// "9.8 GiB", "512 MiB".
std::string format_bytes(int64_t bytes);
// The tables; docs/plan.md explains each line.
std::string plan_text(const run::TrainRecipe& recipe, const train::Plan& plan);
// What each of several processes draws, computes, sends and needs, and a line per variant.
std::string rank_text(const train::RankPlan& rank, const std::vector<train::PlanVariant>& variants);
// "fits: …" or "does not fit: …; try …", or that no device is known. `advice` for a plan that does not fit.
std::string verdict_text(int64_t needed, const std::optional<DeviceMemory>& memory,
                         const train::Advice& advice);
// Models that a run loads beside the policy, which no plan counts.
std::vector<std::string> not_counted(const run::TrainRecipe& recipe);

}  // namespace gamut::cli
