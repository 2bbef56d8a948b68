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
  const RankPlan one = plan_of_rank(some_plan(), 1, true);
  EXPECT_EQ(one.pictures, 10);
  EXPECT_EQ(one.flops, 100);
  EXPECT_EQ(one.sent, 0);
  EXPECT_EQ(one.needed, some_plan().needed_bytes());
}

// Two updates of five pictures each: of three processes one has two and two.
TEST(plan_ranks, the_fullest_process_counts) {
  const RankPlan three = plan_of_rank(some_plan(), 3, false);
  EXPECT_EQ(three.pictures, 4);
  EXPECT_EQ(three.flops, 40);
  EXPECT_EQ(three.sent, 2 * 2 * 2 * 4 * 1000 / 3);
  EXPECT_EQ(three.needed, some_plan().needed_bytes() - 600);
  EXPECT_THROW(plan_of_rank(some_plan(), 6, true), ConfigError);
}

// The evaluation puts the average together in main memory, which on the CPU is the same memory.
TEST(plan_ranks, divided_state_is_a_share_of_it) {
  Plan plan = some_plan();
  plan.held.optimizer = 900;
  plan.held.average = 450;
  for (PlanPhase& phase : plan.phases) phase.peak += 1350;
  const RankPlan whole = plan_of_rank(plan, 3, false), divided = plan_of_rank(plan, 3, true);
  EXPECT_FALSE(whole.divided);
  EXPECT_TRUE(divided.divided);
  EXPECT_EQ(divided.sent, whole.sent + whole.sent / 6);
  EXPECT_NEAR(double(whole.needed - divided.needed), 900 * 1.15, 2);

  plan.phases.push_back({.name = "evaluation", .peak = 7000});
  EXPECT_NEAR(double(plan_of_rank(plan, 3, false).needed - plan_of_rank(plan, 3, true).needed), 450 * 1.15,
              2);
  plan.on_cpu = false;
  EXPECT_NEAR(double(plan_of_rank(plan, 3, false).needed - plan_of_rank(plan, 3, true).needed), 900 * 1.1, 2);
}

}  // namespace plan_ranks_test
}  // namespace gamut::train
