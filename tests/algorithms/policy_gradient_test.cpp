// SPDX-License-Identifier: Apache-2.0
// Its items are the trained steps as they were rolled out. The gradient is tested in
// tests/train/update_test.cpp.
#include "gamut/algorithms/policy_gradient.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::algorithms {
namespace policy_gradient_test {

const std::vector<int64_t> kShape{2, 2, 2};

at::Tensor network(const at::Tensor& x, const diffusion::Step&) { return x * 0.3; }

struct Case {
  Slots slots = fill_slots("flow_grpo");
  IterationSteps steps;
  CreditedRows rows;
  explicit Case(const std::string& loss = "ppo_clip") {
    slots.loss.kind = loss;
    slots.regularizer = {.kind = "kl_x", .weight = 1, .steps = 4};
    steps = {.schedule = diffusion::make_schedule(slots.sampler), .trained = {1, 4}};
    rows.keys = {{0, 0, 0}, {0, 0, 1}, {0, 0, 2}};
    const diffusion::NoiseSource source{.seed = 3};
    rows.trajectories = diffusion::rollout(
        steps.schedule, diffusion::initial_noise(source, rows.keys, kShape), network,
        [&](int64_t step) { return diffusion::step_noise(source, rows.keys, kShape, step); },
        {.keep_means = true});
    rows.advantages_B = at::tensor({1.F, -1.F, 0.5F});
    rows.weights_B = at::tensor({1.F, 1.F, 0.F});
  }
};

TEST(policy_gradient, its_items_are_the_trained_steps) {
  Case made("grpo_guard");
  made.rows.step_advantages.assign(10, at::zeros({3}));
  made.rows.step_advantages[4] = at::ones({3});
  const auto objective = make_objective(made.slots, 1);
  const auto items = objective->items(made.rows, made.steps);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(objective->items_per_picture(made.steps), 2);
  const diffusion::Trajectories& drawn = made.rows.trajectories;
  EXPECT_EQ(items[1].index, 4);
  EXPECT_TRUE(items[1].points.empty());
  EXPECT_TRUE(at::equal(items[1].x_BCHW, drawn.latents[4]));
  EXPECT_TRUE(at::equal(items[1].next_BCHW, drawn.latents[5]));
  EXPECT_TRUE(at::equal(items[1].old_log_prob_B, drawn.log_probs[4]));
  EXPECT_TRUE(at::equal(items[1].old_mean_BCHW, drawn.means[4]));
  EXPECT_TRUE(at::equal(items[1].advantage_B, at::ones({3})));
  EXPECT_TRUE(objective->anchors(items[0]));  // regularizer.steps = 4
  EXPECT_FALSE(objective->anchors(items[1]));
}

TEST(policy_gradient, the_distance_is_between_means_of_the_held_rows) {
  const Case made;
  const auto objective = make_objective(made.slots, 1);
  const TrainItem item = objective->items(made.rows, made.steps)[0];
  const at::Tensor current = network(item.x_BCHW, item.step), base = current + 0.5;
  EXPECT_FALSE(objective->loss(item, {.current = current}).distance_sum.defined());
  const double moved = item.step.b * 0.5;
  EXPECT_NEAR(objective->loss(item, {.current = current, .reference = base}).distance_sum.item<double>(),
              2 * moved * moved, 1e-6);  // two rows of weight 1
  const at::Tensor held = at::tensor({2}, at::kLong);
  EXPECT_NEAR(objective->loss(item, {.current = current, .reference = base.narrow(0, 2, 1), .anchored = held})
                  .distance_sum.item<double>(),
              moved * moved, 1e-6);
}

}  // namespace policy_gradient_test
}  // namespace gamut::algorithms
