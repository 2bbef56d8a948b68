// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/tmpo.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/credit.h"
#include "gamut/core/error.h"
#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace gamut::algorithms {
namespace tmpo_test {

std::vector<double> softmax(const std::vector<double>& values) {
  double sum = 0;
  std::vector<double> out;
  for (const double value : values) sum += std::exp(value);
  for (const double value : values) out.push_back(std::exp(value) / sum);
  return out;
}

// z by the textbook: population deviation.
std::vector<double> target(const std::vector<double>& rewards, double beta) {
  const double n = double(rewards.size()), mean = std::accumulate(rewards.begin(), rewards.end(), 0.0) / n;
  double squares = 0;
  for (const double reward : rewards) squares += (reward - mean) * (reward - mean) / n;
  std::vector<double> z;
  for (const double reward : rewards) z.push_back(beta * (reward - mean) / std::sqrt(squares));
  return softmax(z);
}

double divergence(const std::vector<double>& q, const std::vector<double>& log_probs) {
  const std::vector<double> p = softmax(log_probs);
  double sum = 0;
  for (size_t j = 0; j < q.size(); ++j) sum += q[j] * std::log(q[j] / p[j]);
  return sum;
}

const std::vector<double> kRewards{0.1, 0.9, 0.4, 0.95, 0.2}, kLogProbs{-1.2, -0.9, -1.6, -1.1, -0.7};

TEST(tmpo, advantages_are_the_slopes_of_the_divergence) {
  for (const double beta : {0.5, 1.0, 3.0}) {
    const std::vector<double> advantages = tmpo_advantages(kRewards, kLogProbs, beta),
                              q = target(kRewards, beta);
    for (size_t j = 0; j < kRewards.size(); ++j) {
      constexpr double h = 1e-6;
      std::vector<double> up = kLogProbs, down = kLogProbs;
      up[j] += h;
      down[j] -= h;
      const double slope = (divergence(q, up) - divergence(q, down)) / (2 * h);
      EXPECT_NEAR(advantages[j], -5 * slope, 1e-8);
    }
    EXPECT_NEAR(std::accumulate(advantages.begin(), advantages.end(), 0.0), 0, 1e-12);
  }
}

// The whole gradient: a policy with one parameter, log-probabilities over two steps, the surrogate against
// the divergence.
TEST(tmpo, the_surrogates_gradient_is_the_divergences) {
  Slots slots = fill_slots("tmpo");
  const auto schedule = diffusion::make_schedule(slots.sampler);
  at::manual_seed(5);
  const std::vector<size_t> steps{2, 4};
  std::vector<at::Tensor> x, next;
  for (size_t i = 0; i < steps.size(); ++i) {
    x.push_back(at::randn({5, 2, 3, 3}, at::kDouble));
    next.push_back(x.back() + 0.3 * at::randn({5, 2, 3, 3}, at::kDouble));
  }
  const auto log_prob = [&](size_t i, const at::Tensor& theta) {
    const diffusion::Step& step = schedule[steps[i]];
    return diffusion::step_log_prob(step, next[i], diffusion::step_mean(step, x[i], x[i] * theta));
  };
  // In double, without what is constant in theta; the step's own are in fp32.
  const auto sums = [&](const at::Tensor& theta) {
    at::Tensor sum = at::zeros({5}, at::kDouble);
    for (size_t i = 0; i < steps.size(); ++i) {
      const diffusion::Step& step = schedule[steps[i]];
      const at::Tensor mean = step.a * x[i] + step.b * x[i] * theta;
      sum -= (next[i] - mean).square().flatten(1).mean(1) / (2 * step.noise_std * step.noise_std);
    }
    return std::vector<double>(sum.data_ptr<double>(), sum.data_ptr<double>() + 5);
  };
  at::Tensor theta = at::full({1}, 0.3, at::kDouble);
  const at::Tensor advantages = at::tensor(tmpo_advantages(kRewards, sums(theta), 1.5), at::kDouble);
  theta.requires_grad_(true);
  at::Tensor loss = at::zeros({1}, at::kDouble);
  for (size_t i = 0; i < steps.size(); ++i) {
    const at::Tensor now = log_prob(i, theta);
    loss = loss + ppo_clip(now, now.detach(), advantages, at::ones({5}, at::kDouble), slots.loss).loss_sum;
  }
  loss.backward();
  const at::NoGradGuard no_grad;
  const std::vector<double> q = target(kRewards, 1.5);
  constexpr double h = 1e-5;
  const double slope = (divergence(q, sums(theta + h)) - divergence(q, sums(theta - h))) / (2 * h);
  EXPECT_NEAR(theta.grad().item<double>() / 5, slope, 1e-5 * std::abs(slope));  // log-probabilities in fp32
  EXPECT_GT(std::abs(slope), 1e-4);
}

TEST(tmpo, without_log_probabilities_the_policy_is_even) {
  const std::vector<double> given = tmpo_advantages(kRewards, {}, 1),
                            even = tmpo_advantages(kRewards, {2, 2, 2, 2, 2}, 1);
  for (size_t j = 0; j < given.size(); ++j) EXPECT_NEAR(given[j], even[j], 1e-12);
  EXPECT_EQ(tmpo_advantages({0.5, 0.5}, {-1, -2}, 1), (std::vector<double>{0, 0}));
}

TEST(tmpo, credit_takes_the_kept_members_and_leaves_flat_groups_out) {
  const Slots slots = fill_slots("tmpo");
  const std::vector<Group> groups{{.rewards = kRewards, .scored = {1, 1, 0, 1, 1}, .log_probs = kLogProbs},
                                  {.rewards = {0.8, 0.8002}, .scored = {1, 1}, .log_probs = {-1, -1}}};
  const Credit credit = assign_credit(groups, {slots.subset, slots.shaping, slots.advantage}, {});
  const std::vector<double> expected = tmpo_advantages({0.1, 0.9, 0.95, 0.2}, {-1.2, -0.9, -1.1, -0.7}, 1);
  const std::vector<size_t> places{0, 1, 3, 4};
  for (size_t j = 0; j < places.size(); ++j)
    EXPECT_NEAR(credit.groups[0].advantages[places[j]], expected[j], 1e-12);
  EXPECT_EQ(credit.groups[0].trained, (std::vector<uint8_t>{1, 1, 0, 1, 1}));
  EXPECT_EQ(credit.groups[1].trained,
            (std::vector<uint8_t>{0, 0}));  // its rewards span less than a thousandth
}

}  // namespace tmpo_test
}  // namespace gamut::algorithms
