// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/weighted_matching.h"

#include "forward_support.h"
#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::algorithms {
namespace weighted_matching_test {

TEST(weighted_matching, weights_are_rewards_marks_or_powers) {
  const at::Tensor rewards = at::tensor({-0.5, 0.0, 0.5, 2.0}, at::kDouble);
  const auto expect = [&](Weighting weighting, double scale, const std::vector<double>& expected) {
    EXPECT_TRUE(at::allclose(matching_weight(rewards, weighting, scale), at::tensor(expected, at::kDouble),
                             1e-12, 0));
  };
  expect(Weighting::kReward, 0, {0, 0, 0.5, 2});
  expect(Weighting::kThreshold, 0.5, {0, 0, 1, 1});
  expect(Weighting::kExp, 0.5, {std::exp(-1.0), 1, std::exp(1.0), std::exp(4.0)});
}

TEST(weighted_matching, the_gradient_equals_finite_differences) {
  for (const char* name : {"weighted_matching", "rwr", "raft"}) {
    const auto objective = make_objective(fill_slots(name), 1);
    const TrainItem item = double_item({0.9, 0.1, 0.6});
    const at::Tensor current = at::randn({3, 2, 2, 2}, at::kDouble).requires_grad_(true);
    const auto loss = [&](const at::Tensor& output) {
      return objective->loss(item, {.current = output}).loss_sum.item<double>();
    };
    objective->loss(item, {.current = current}).loss_sum.backward();
    EXPECT_LT(worst_slope(current.grad(), current, loss), 1e-6) << name;
    EXPECT_EQ(current.grad()[1].abs().max().item<double>() == 0, std::string(name) == "raft");  // 0.1 < 0.5
  }
}

// Its bound on the Wasserstein-2 distance is the squared difference to the base's velocity.
TEST(weighted_matching, the_base_is_a_squared_velocity_away) {
  const auto objective = make_objective(fill_slots("weighted_matching"), 1);
  const TrainItem item = double_item({0.9, 0.1, 0.6});
  const at::Tensor current = at::randn({3, 2, 2, 2}, at::kDouble),
                   base = at::randn({3, 2, 2, 2}, at::kDouble);
  const double distance =
      objective->loss(item, {.current = current, .reference = base}).distance_sum.item<double>();
  EXPECT_NEAR(distance, (current - base).square().sum().item<double>() / 8, 1e-12);
}

TEST(weighted_matching, advantages_are_no_weights) {
  Slots slots = fill_slots("rwr");
  slots.advantage.kind = "group";
  EXPECT_EQ(testing::message_of<ConfigError>([&] { make_objective(slots, 1); }),
            "[objective] weighting = \"reward\" takes the reward as weight, and advantages lie around 0; got "
            "advantage.kind = "
            "\"group\"; expected \"reward\", or objective.weighting = \"exp\" or \"threshold\"");
  slots.objective.weighting = "exp";  // advantage-weighted regression
  make_objective(slots, 1);
}

}  // namespace weighted_matching_test
}  // namespace gamut::algorithms
