// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/plan_ranks.h"

#include "gamut/train/slices.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::train {

nlohmann::ordered_json RankPlan::to_json() const {
  return {{"ranks", ranks},
          {"images_per_iteration", pictures},
          {"flops_per_iteration", flops},
          {"shard_optimizer", divided},
          {"sent_bytes_per_iteration", sent},
          {"needed_bytes", needed}};
}

namespace {

// The plan of a process that holds its slice of the state. For an evaluation the average is put together in
// main memory.
Plan with_divided_state(Plan plan, int64_t ranks) {
  PlanHeld& held = plan.held;
  const int64_t average = held.average, before = held.optimizer + average;
  held.optimizer = (held.optimizer + ranks - 1) / ranks;
  held.average = (held.average + ranks - 1) / ranks;
  for (PlanPhase& phase : plan.phases) {
    const int64_t whole = phase.name == "evaluation" && plan.on_cpu ? average : 0;
    phase.working += whole;
    phase.peak += held.optimizer + held.average - before + whole;
  }
  return plan;
}

}  // namespace

RankPlan plan_of_rank(const Plan& of_one, int64_t ranks, bool divides) {
  RankPlan out{.ranks = ranks, .divided = divides && ranks > 1};
  const Plan plan = out.divided ? with_divided_state(of_one, ranks) : of_one;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    int64_t own = 0;
    const Slices slices(plan.batch, /*rebatched=*/false, rank, ranks);
    for (const std::vector<int64_t>& batch : slices.batches()) own += int64_t(batch.size());
    out.pictures = std::max(out.pictures, own);
  }
  const double share = double(out.pictures) / double(plan.batch.pictures);
  out.flops = plan.flops_per_iteration() * share;
  // What a ring sends: sums to all; or sums to their owners, who each collect a last share, and weights to
  // all.
  const int64_t once = plan.batch.updates * (ranks - 1) * 4 * plan.parameters.trained / ranks;
  out.sent = 2 * once + (out.divided ? once / ranks : 0);
  const int64_t of_pictures = plan.trajectories + plan.pictures + plan.graphs;
  out.needed = plan.needed_bytes() - int64_t((1 - share) * double(of_pictures));
  return out;
}

}  // namespace gamut::train
