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
          {"sent_bytes_per_iteration", sent},
          {"needed_bytes", needed}};
}

RankPlan plan_of_rank(const Plan& plan, int64_t ranks) {
  RankPlan out{.ranks = ranks};
  for (int64_t rank = 0; rank < ranks; ++rank) {
    int64_t own = 0;
    const Slices slices(plan.batch, /*rebatched=*/false, rank, ranks);
    for (const std::vector<int64_t>& batch : slices.batches()) own += int64_t(batch.size());
    out.pictures = std::max(out.pictures, own);
  }
  const double share = double(out.pictures) / double(plan.batch.pictures);
  out.flops = plan.flops_per_iteration() * share;
  // What a ring sends.
  out.sent = plan.batch.updates * 2 * (ranks - 1) * 4 * plan.parameters.trained / ranks;
  const int64_t of_pictures = plan.trajectories + plan.pictures + plan.graphs;
  out.needed = plan.needed_bytes() - int64_t((1 - share) * double(of_pictures));
  return out;
}

}  // namespace gamut::train
