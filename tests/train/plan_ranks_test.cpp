// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/plan_ranks.h"

#include "gamut/core/error.h"

#include <gtest/gtest.h>

namespace gamut::train {
namespace plan_ranks_test {

Plan some_plan() {
  Plan plan;
  plan.batch = {.prompts = 2,
                .members = 5,
                .keep = 5,
                .pictures = 10,
                .micro_batch = 5,
                .micro_batches = 2,
                .updates = 2};
  plan.parameters.trained = 1000;
  plan.trajectories = 600;
  plan.pictures = 300;
  plan.graphs = 100;
  plan.phases = {{.name = "rollout", .flops = 80, .peak = 5000},
                 {.name = "update", .flops = 20, .peak = 4000}};
  return plan;
}

TEST(plan_ranks, one_process_needs_what_the_plan_says) {
  const RankPlan one = plan_of_rank(some_plan(), 1);
  EXPECT_EQ(one.pictures, 10);
  EXPECT_EQ(one.flops, 100);
  EXPECT_EQ(one.sent, 0);
  EXPECT_EQ(one.needed, some_plan().needed_bytes());
}

// Two updates of five pictures each: of three processes one has two and two.
TEST(plan_ranks, the_fullest_process_counts) {
  const RankPlan three = plan_of_rank(some_plan(), 3);
  EXPECT_EQ(three.pictures, 4);
  EXPECT_EQ(three.flops, 40);
  EXPECT_EQ(three.sent, 2 * 2 * 2 * 4 * 1000 / 3);
  EXPECT_EQ(three.needed, some_plan().needed_bytes() - 600);
  EXPECT_THROW(plan_of_rank(some_plan(), 6), ConfigError);
}

}  // namespace plan_ranks_test
}  // namespace gamut::train
