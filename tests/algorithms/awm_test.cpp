// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/awm.h"

#include "forward_support.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::algorithms {
namespace awm_test {

Slots slots_with(const std::string& time_weight, double clip_range = 0.05) {
  Slots slots = fill_slots("awm");
  slots.objective.time_weight = time_weight;
  slots.loss.clip_range = clip_range;
  return slots;
}

// Its weight by hand, of an error of 0.3 at t = 0.5.
TEST(awm, weights_the_error_by_time) {
  const at::Tensor error = at::tensor({0.3}, at::kDouble), time = at::tensor({0.5}, at::kDouble);
  const auto of = [&](TimeWeight weight) {
    return matching_log_prob(error, time, weight, 0.25).item<double>();
  };
  EXPECT_NEAR(of(TimeWeight::kNone), -0.3, 1e-15);
  EXPECT_NEAR(of(TimeWeight::kT), -0.15, 1e-15);
  EXPECT_NEAR(of(TimeWeight::kT2), -0.075, 1e-15);
  EXPECT_NEAR(of(TimeWeight::kGhuber), -0.5 * (std::pow(0.3, 0.25) - std::pow(1e-10, 0.25)) / 0.25, 1e-9);
}

// Off the old policy, so that ratio and clip matter.
TEST(awm, the_gradient_equals_finite_differences) {
  for (const char* weight : {"none", "t", "t2", "ghuber"}) {
    const auto awm = make_objective(slots_with(weight, 0.5), 1);
    const TrainItem item = double_item({1.5, -0.7, 0.4});
    const at::Tensor old = at::randn({3, 2, 2, 2}, at::kDouble);
    const at::Tensor current = (old + 0.05 * at::randn({3, 2, 2, 2}, at::kDouble)).requires_grad_(true);
    const auto loss = [&](const at::Tensor& output) {
      return awm->loss(item, {.current = output, .old = old}).loss_sum.item<double>();
    };
    awm->loss(item, {.current = current, .old = old}).loss_sum.backward();
    EXPECT_LT(worst_slope(current.grad(), current, loss), 1e-7) << weight;
  }
}

// One update per rollout: the old policy is the current one, and the gradient that of A ||v - u||^2.
TEST(awm, on_policy_the_gradient_is_the_advantage_times_that_of_the_error) {
  const auto awm = make_objective(slots_with("none"), 1);
  const TrainItem item = double_item({1.5, -0.7, 0.4});
  const at::Tensor current = at::randn({3, 2, 2, 2}, at::kDouble).requires_grad_(true);
  const LossTerms terms = awm->loss(item, {.current = current, .old = current.detach()});
  terms.loss_sum.backward();
  const at::Tensor expected =
      2 * (current.detach() - item.target_BCHW) / 8 * item.advantage_B.view({3, 1, 1, 1});
  EXPECT_TRUE(at::allclose(current.grad(), expected, 1e-12, 1e-12));
  EXPECT_EQ(terms.ratio_deviation_max.item<double>(), 0.0);
  EXPECT_NEAR(terms.loss_sum.item<double>(), -1.2, 1e-12);
}

// A good picture that is matched better than by the old policy, past the clip, pulls no more.
TEST(awm, the_ratio_is_clipped) {
  const auto awm = make_objective(slots_with("none", 0.01), 1);
  const TrainItem item = double_item({1, 1, 1});
  const at::Tensor old = at::zeros({3, 2, 2, 2}, at::kDouble);
  const at::Tensor current = (0.5 * item.target_BCHW).detach().requires_grad_(true);
  const LossTerms terms = awm->loss(item, {.current = current, .old = old});
  terms.loss_sum.backward();
  EXPECT_EQ(current.grad().abs().max().item<double>(), 0.0);
  EXPECT_EQ(terms.clipped_sum.item<double>(), 3.0);
}

}  // namespace awm_test
}  // namespace gamut::algorithms
