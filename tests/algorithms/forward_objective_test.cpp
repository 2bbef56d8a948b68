// SPDX-License-Identifier: Apache-2.0
// What the objectives on the forward process share.
#include "gamut/algorithms/forward_objective.h"

#include "forward_support.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::algorithms {
namespace forward_objective_test {

const std::vector<std::string> kNames{"awm", "nft", "weighted_matching", "rwr", "raft"};

IterationSteps steps_of(const Slots& slots) {
  return iteration_steps(slots, {.trajectory = false}, diffusion::make_schedule(slots.sampler), 1, 0);
}

// Linear in x and t, so that rows differ and gradients do not vanish.
at::Tensor predict(const TrainItem& item, const at::Tensor& theta) {
  return item.x_BCHW * theta + of_points(item.points, &diffusion::ForwardPoint::time, item.x_BCHW, 4);
}

// Loss and gradient of `count` rows from `first` on, in float as in training.
std::pair<double, double> trained(const Slots& slots, int64_t first, int64_t count) {
  const auto objective = make_objective(slots, 1);
  const at::Tensor theta = at::full({1}, 0.4F).requires_grad_(true);
  double loss = 0;
  for (const TrainItem& item : objective->items(rows_of(first, count), steps_of(slots))) {
    const at::Tensor current = predict(item, theta);
    const LossTerms terms = objective->loss(item, {.current = current, .old = current.detach()});
    terms.loss_sum.backward();
    loss += terms.loss_sum.item<double>();
  }
  return {loss, theta.grad().item<double>()};
}

TEST(forward_objective, micro_batches_change_nothing) {
  for (const std::string& name : kNames) {
    const Slots slots = fill_slots(name);
    const auto [loss, gradient] = trained(slots, 0, 6);
    double losses = 0, gradients = 0;
    for (const int64_t first : {0, 2, 4}) {
      const auto [part, slope] = trained(slots, first, 2);
      losses += part;
      gradients += slope;
    }
    EXPECT_NEAR(losses, loss, 1e-5 * std::abs(loss)) << name;  // sums in fp32
    EXPECT_NEAR(gradients, gradient, 1e-5 * std::abs(gradient)) << name;
    EXPECT_NE(gradient, 0) << name;
  }
}

TEST(forward_objective, a_row_is_the_same_to_the_bit_in_any_batch) {
  const Slots slots = fill_slots("awm");
  const auto objective = make_objective(slots, 1);
  const auto whole = objective->items(rows_of(0, 6), steps_of(slots)),
             part = objective->items(rows_of(3, 2), steps_of(slots));
  ASSERT_EQ(whole.size(), 6u);  // draws
  ASSERT_EQ(part.size(), 6u);
  std::set<double> times;
  for (size_t draw = 0; draw < whole.size(); ++draw) {
    EXPECT_TRUE(at::equal(whole[draw].x_BCHW.narrow(0, 3, 2), part[draw].x_BCHW));
    EXPECT_TRUE(at::equal(whole[draw].target_BCHW.narrow(0, 3, 2), part[draw].target_BCHW));
    for (const diffusion::ForwardPoint& point : whole[draw].points) times.insert(point.time);
  }
  EXPECT_EQ(times.size(), 36u);  // each row and draw its own
  EXPECT_FALSE(at::equal(objective->items(rows_of(0, 6), steps_of(slots))[0].x_BCHW,
                         make_objective(slots, 2)->items(rows_of(0, 6), steps_of(slots))[0].x_BCHW));
}

// x_t = (1 - t) x0 + t eps and u = eps - x0: what is left when both are solved for eps is standard normal.
TEST(forward_objective, noise_is_added_as_in_pretraining) {
  Slots slots = fill_slots("awm");
  slots.objective.draws = 40;
  const auto objective = make_objective(slots, 1);
  const CreditedRows rows = rows_of(0, 40);
  double sum = 0, squares = 0, count = 0;
  for (const TrainItem& item : objective->items(rows, steps_of(slots))) {
    const at::Tensor noise = item.target_BCHW + rows.trajectories.final_BCHW;
    const at::Tensor t = of_points(item.points, &diffusion::ForwardPoint::time, noise, 4);
    EXPECT_TRUE(at::allclose(item.x_BCHW, (1 - t) * rows.trajectories.final_BCHW + t * noise, 1e-5, 1e-5));
    sum += noise.sum().item<double>();
    squares += noise.square().sum().item<double>();
    count += double(noise.numel());
  }
  EXPECT_NEAR(sum / count, 0, 5 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1, 5 * std::sqrt(2 / count));
}

TEST(forward_objective, times_are_drawn_as_asked) {
  for (const char* times : {"uniform", "logit_normal"}) {
    Slots slots = fill_slots("awm");
    slots.objective.times = times;
    slots.objective.draws = 200;
    double below = 0, outer = 0, count = 0;
    for (const TrainItem& item : make_objective(slots, 1)->items(rows_of(0, 20), steps_of(slots)))
      for (const diffusion::ForwardPoint& point : item.points) {
        below += point.time < 0.5;
        outer += point.time < 0.1 || point.time > 0.9;
        ++count;
      }
    EXPECT_NEAR(below / count, 0.5, 0.04) << times;
    // Beyond |z| = ln 9 of a normal: 0.028.
    EXPECT_NEAR(outer / count, std::string(times) == "uniform" ? 0.2 : 0.028, 0.03) << times;
  }
}

TEST(forward_objective, a_share_of_the_draws_is_plain_whatever_the_batch) {
  Slots slots = fill_slots("awm");
  slots.objective.draws = 50;
  for (const double share : {0.0, 0.25, 1.0}) {
    slots.objective.plain_share = share;
    const auto objective = make_objective(slots, 1);
    const auto whole = objective->items(rows_of(0, 20), steps_of(slots)),
               part = objective->items(rows_of(7, 2), steps_of(slots));
    double plain = 0;
    for (size_t draw = 0; draw < whole.size(); ++draw) {
      for (const diffusion::ForwardPoint& point : whole[draw].points) plain += point.plain;
      for (size_t row : {0u, 1u}) EXPECT_EQ(whole[draw].points[7 + row].plain, part[draw].points[row].plain);
    }
    // Five standard deviations of a thousand throws; none for a share of 0 or 1.
    EXPECT_NEAR(plain / 1000, share, 5 * std::sqrt(share * (1 - share) / 1000));
  }
}

// DiffusionNFT's: the levels of the first nine steps, each once per picture, in an order of the picture's
// own.
TEST(forward_objective, the_grid_is_the_samplers) {
  const Slots slots = fill_slots("nft");
  const IterationSteps steps = steps_of(slots);
  ASSERT_EQ(steps.trained.size(), 9u);
  std::set<std::vector<double>> orders;
  const auto items = make_objective(slots, 1)->items(rows_of(0, 6), steps);
  ASSERT_EQ(items.size(), 9u);
  for (size_t row = 0; row < 6; ++row) {
    std::vector<double> order;
    for (const TrainItem& item : items) order.push_back(item.points[row].time);
    orders.insert(order);
    std::set<double> levels(order.begin(), order.end());
    ASSERT_EQ(levels.size(), 9u);
    for (const int64_t index : steps.trained)
      EXPECT_TRUE(levels.contains(steps.schedule[size_t(index)].sigma));
  }
  EXPECT_GT(orders.size(), 1u);
}

// The regularizer's rows, weight and pooling, between outputs.
TEST(forward_objective, holds_the_rows_that_it_is_told_to) {
  Slots slots = fill_slots("awm");
  slots.regularizer = {.kind = "kl_v", .weight = 1};
  const TrainItem item = double_item({1, 1, 1});
  const at::Tensor current = at::randn({3, 2, 2, 2}, at::kDouble),
                   base = at::randn({2, 2, 2, 2}, at::kDouble);
  const at::Tensor rows = at::tensor({0, 2}, at::kLong);
  Predictions predictions{.current = current, .old = current, .reference = base, .anchored = rows};
  const at::Tensor difference = current.index_select(0, rows) - base;
  EXPECT_NEAR(make_objective(slots, 1)->loss(item, predictions).distance_sum.item<double>(),
              difference.square().sum().item<double>() / 8, 1e-12);
  slots.regularizer.pool = 2;  // one cell of the 2 x 2 latent
  EXPECT_NEAR(make_objective(slots, 1)->loss(item, predictions).distance_sum.item<double>(),
              difference.mean({2, 3}).square().sum().item<double>() / 2, 1e-12);
}

// kl_x0 pooled, by hand: cells' means of both predicted clean latents, squared, mean over cells, times
// t^power.
TEST(forward_objective, the_anchor_may_hold_clean_latents_by_time) {
  for (const std::string& name : kNames) {
    Slots slots = fill_slots(name);
    slots.regularizer = {.kind = "kl_x0", .weight = 1, .pool = 2, .time_power = 1.5};
    const auto objective = make_objective(slots, 1);
    const TrainItem item = double_item({0.9, 0.1, 0.6});
    const at::Tensor current = at::randn({3, 2, 2, 2}, at::kDouble),
                     base = at::randn({3, 2, 2, 2}, at::kDouble);
    const std::vector<double> times{0.2, 0.5, 0.9};
    double expected = 0;
    for (int64_t b = 0; b < 3; ++b) {
      const double t = times[size_t(b)];
      const auto cells = [&](const at::Tensor& out) { return (item.x_BCHW[b] - t * out[b]).mean({1, 2}); };
      expected += std::pow(t, 1.5) * (cells(current) - cells(base)).square().mean().item<double>();
    }
    const auto distance = [&](Predictions all) {
      return objective->loss(item, all).distance_sum.item<double>();
    };
    EXPECT_NEAR(distance({.current = current, .old = current, .reference = base}), expected, 1e-12) << name;
    // The rows held alone.
    const at::Tensor held = at::tensor({int64_t{2}}, at::kLong);
    const double t = 0.9;
    const at::Tensor gap =
        (item.x_BCHW[2] - t * current[2]).mean({1, 2}) - (item.x_BCHW[2] - t * base[2]).mean({1, 2});
    EXPECT_NEAR(
        distance({.current = current, .old = current, .reference = base.narrow(0, 2, 1), .anchored = held}),
        std::pow(t, 1.5) * gap.square().mean().item<double>(), 1e-12);
  }
}

}  // namespace forward_objective_test
}  // namespace gamut::algorithms
