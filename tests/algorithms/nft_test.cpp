// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/nft.h"

#include "forward_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gamut::algorithms {
namespace nft_test {

ObjectiveConfig with_beta(double beta) {
  ObjectiveConfig config = fill_slots("nft").objective;
  config.beta = beta;
  return config;
}

// The clean latents that two outputs on either side of the old one point to, from the paper.
struct Sides {
  at::Tensor better, worse;  // errors [3, 2, 2, 2]
  Sides(const TrainItem& item, const at::Tensor& current, const at::Tensor& old, double beta) {
    const at::Tensor t = at::tensor({0.2, 0.5, 0.9}, at::kDouble).view({3, 1, 1, 1});
    better = item.x_BCHW - t * (beta * current + (1 - beta) * old) - item.clean_BCHW;
    worse = item.x_BCHW - t * ((1 + beta) * old - beta * current) - item.clean_BCHW;
  }
};

TEST(nft, maps_advantages_to_shares) {
  const at::Tensor share = nft_share(at::tensor({-10.0, -5.0, 0.0, 5.0, 10.0}, at::kDouble), {});
  EXPECT_TRUE(at::equal(share, at::tensor({0.0, 0.0, 0.5, 1.0, 1.0}, at::kDouble)));
}

// The value by the formula, the slope by differences in which the divisor, which has no gradient, stays.
TEST(nft, loss_and_gradient_are_those_of_the_formula) {
  const std::vector<double> advantages{4, -1.5, 7};
  for (const double beta : {1.0, 0.1}) {
    const TrainItem item = double_item(advantages);
    const at::Tensor old = at::randn({3, 2, 2, 2}, at::kDouble);
    const at::Tensor current = (old + 0.3 * at::randn({3, 2, 2, 2}, at::kDouble)).requires_grad_(true);
    const Sides at_current(item, current.detach(), old, beta);
    const auto by_hand = [&](const at::Tensor& output) {
      const Sides sides(item, output, old, beta);
      double sum = 0;
      for (int64_t b = 0; b < 3; ++b) {
        const double share = std::min(std::max(advantages[size_t(b)] / 10 + 0.5, 0.0), 1.0);
        const auto part = [&](const at::Tensor& error, const at::Tensor& fixed) {
          return error[b].square().mean().item<double>() /
                 std::max(fixed[b].abs().mean().item<double>(), 1e-5);
        };
        sum += 5 / beta *
               (share * part(sides.better, at_current.better) +
                (1 - share) * part(sides.worse, at_current.worse));
      }
      return sum;
    };
    const at::Tensor loss = nft_loss(item, current, old, with_beta(beta)).sum();
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), by_hand(current.detach()), 1e-10);
    EXPECT_LT(worst_slope(current.grad(), current, by_hand), 1e-6) << beta;
  }
}

// Where old and current agree, both sides are one: whatever beta, the gradient is A times that of the squared
// error of the clean latent over its mean absolute value, which is AWM's with the weight t^2 / that value.
TEST(nft, at_the_old_policy_the_gradient_is_the_advantage_times_that_of_the_error) {
  const std::vector<double> advantages{3, -2, 5};
  for (const double beta : {1.0, 0.1}) {
    const TrainItem item = double_item(advantages);
    const at::Tensor current = at::randn({3, 2, 2, 2}, at::kDouble).requires_grad_(true);
    nft_loss(item, current, current.detach(), with_beta(beta)).sum().backward();
    const at::Tensor t = at::tensor({0.2, 0.5, 0.9}, at::kDouble).view({3, 1, 1, 1});
    const at::Tensor wrong =
        current.detach() - item.target_BCHW;  // the clean latent is wrong by -t times this
    const at::Tensor size = (t * wrong).abs().mean({1, 2, 3}, true);
    const at::Tensor expected = item.advantage_B.view({3, 1, 1, 1}) * t.square() * 2 * wrong / 8 / size;
    EXPECT_TRUE(at::allclose(current.grad(), expected, 1e-9, 1e-12)) << beta;
  }
}

// A perfect prediction has no size; the floor keeps the division finite.
TEST(nft, a_perfect_prediction_is_finite) {
  const TrainItem item = double_item({1, 2, 3});
  const at::Tensor current = item.target_BCHW.clone().requires_grad_(true);
  nft_loss(item, current, current.detach(), with_beta(1)).sum().backward();
  EXPECT_LT(current.grad().abs().max().item<double>(), 1e-6);
}

// The three published rules, by their keys.
TEST(nft, the_old_policy_follows_by_a_rule) {
  const ObjectiveConfig copied{.old_decay_rate = 0};
  const ObjectiveConfig capped{.old_decay_rate = 0.001, .old_decay_max = 0.5};
  const ObjectiveConfig late{.old_decay_rate = 0.0075, .old_decay_max = 0.999, .old_decay_start = 75};
  for (const int64_t step : {0, 1, 74, 75, 76, 100, 499, 500, 5000}) {
    EXPECT_EQ(old_decay(copied, step), 0);
    EXPECT_NEAR(old_decay(capped, step), std::min(0.001 * double(step), 0.5), 1e-15);
    EXPECT_NEAR(old_decay(late, step), step < 75 ? 0 : std::min(0.0075 * double(step - 75), 0.999), 1e-15)
        << step;
  }
  Slots slots = fill_slots("nft");
  EXPECT_TRUE(make_objective(slots, 1)->needs().slow_old);
  slots.objective = copied;
  slots.objective.kind = "nft";
  EXPECT_FALSE(make_objective(slots, 1)->needs().slow_old);
}

}  // namespace nft_test
}  // namespace gamut::algorithms
