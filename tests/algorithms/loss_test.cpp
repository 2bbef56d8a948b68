// SPDX-License-Identifier: Apache-2.0
// In double, so that finite differences are good to 1e-7.
#include "gamut/algorithms/loss.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/diffusion/step.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gamut::algorithms {
namespace loss_test {

constexpr double kClip = 0.1;
const LossConfig kConfig{.kind = "ppo_clip", .clip_range = kClip};

at::Tensor vec(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

// One sample's loss, from the definition.
double plain(double log_ratio, double advantage) {
  const double ratio = std::exp(log_ratio);
  const double clipped = std::min(std::max(ratio, 1 - kClip), 1 + kClip);
  return std::max(-advantage * ratio, -advantage * clipped);
}

double gradient_of(double log_ratio, double advantage, double weight = 1) {
  const at::Tensor log_prob = vec({log_ratio - 1.3}).requires_grad_(true);
  ppo_clip(log_prob, vec({-1.3}), vec({advantage}), vec({weight}), kConfig).loss_sum.backward();
  return log_prob.grad().item<double>();
}

TEST(loss, equals_the_definition_on_random_samples) {
  Stream stream(5, "test");
  for (int draw = 0; draw < 50; ++draw) {
    std::vector<double> now, old, advantages, weights;
    double sum = 0, clipped = 0, squares = 0, deviation = 0;
    for (int b = 0; b < 16; ++b) {
      old.push_back(stream.normal());
      now.push_back(old.back() + 0.2 * stream.normal());
      advantages.push_back(stream.normal());
      weights.push_back(stream.chance(0.7));
      const double log_ratio = now.back() - old.back(), ratio = std::exp(log_ratio), w = weights.back();
      sum += w * plain(log_ratio, advantages.back());
      const bool outside = advantages.back() > 0 ? ratio > 1 + kClip : ratio < 1 - kClip;
      clipped += w * outside;
      squares += w * log_ratio * log_ratio / 2;
      deviation = std::max(deviation, w * std::abs(ratio - 1));
    }
    const LossTerms terms = ppo_clip(vec(now), vec(old), vec(advantages), vec(weights), kConfig);
    EXPECT_NEAR(terms.loss_sum.item<double>(), sum, 1e-12);
    EXPECT_EQ(terms.clipped_sum.item<double>(), clipped);
    EXPECT_NEAR(terms.approx_kl_sum.item<double>(), squares, 1e-12);
    EXPECT_NEAR(terms.ratio_deviation_max.item<double>(), deviation, 1e-12);
  }
}

TEST(loss, the_gradient_equals_finite_differences) {
  constexpr double h = 1e-6;
  for (const double advantage : {-2.0, -0.3, 0.0, 0.3, 2.0})
    for (const double log_ratio : {-0.5, -0.2, -0.05, 0.0, 0.05, 0.2, 0.5}) {
      const double difference = (plain(log_ratio + h, advantage) - plain(log_ratio - h, advantage)) / (2 * h);
      EXPECT_NEAR(gradient_of(log_ratio, advantage), difference, 1e-7) << advantage << " at " << log_ratio;
    }
}

TEST(loss, outside_the_trust_region_only_the_way_back_has_a_gradient) {
  EXPECT_EQ(gradient_of(0.2, 1), 0.0);    // good and already likelier
  EXPECT_EQ(gradient_of(-0.2, -1), 0.0);  // bad and already less likely
  EXPECT_NEAR(gradient_of(-0.2, 1), -std::exp(-0.2), 1e-12);
  EXPECT_NEAR(gradient_of(0.2, -1), std::exp(0.2), 1e-12);
}

// At ratio 1: loss = -mean A and gradient = -mean A grad log-prob, here with log_prob = slope * theta.
TEST(loss, at_ratio_one_it_is_the_policy_gradient) {
  const at::Tensor slopes = vec({0.5, -2, 3, 1}), advantages = vec({1, -0.5, 2, -1.5}),
                   all = at::ones({4}, at::kDouble);
  const at::Tensor theta = vec({0.7}).requires_grad_(true);
  const at::Tensor log_prob = slopes * theta;
  const LossTerms terms = ppo_clip(log_prob, log_prob.detach(), advantages, all, kConfig);
  (terms.loss_sum / 4).backward();
  EXPECT_NEAR(terms.loss_sum.item<double>() / 4, -advantages.mean().item<double>(), 1e-15);
  EXPECT_NEAR(theta.grad().item<double>(), -(advantages * slopes).mean().item<double>(), 1e-15);
  EXPECT_EQ(terms.ratio_deviation_max.item<double>(), 0.0);
  EXPECT_EQ(terms.clipped_sum.item<double>(), 0.0);
  EXPECT_EQ(terms.approx_kl_sum.item<double>(), 0.0);
}

TEST(loss, samples_left_out_count_nowhere) {
  EXPECT_EQ(gradient_of(0.05, 1, 0), 0.0);
  const LossTerms terms = ppo_clip(vec({0.4, 0.01}), vec({0, 0}), vec({3, 1}), vec({0, 1}), kConfig);
  EXPECT_NEAR(terms.loss_sum.item<double>(), -std::exp(0.01), 1e-12);
  EXPECT_NEAR(terms.ratio_deviation_max.item<double>(), std::expm1(0.01), 1e-12);
  EXPECT_EQ(terms.clipped_sum.item<double>(), 0.0);
}

TEST(loss, sums_do_not_care_how_samples_are_cut_into_batches) {
  const at::Tensor now = at::randn({12}, at::kDouble) * 0.2, old = at::zeros({12}, at::kDouble);
  const at::Tensor advantages = at::randn({12}, at::kDouble), weights = at::ones({12}, at::kDouble);
  double parts = 0;
  for (int64_t b = 0; b < 12; b += 4)
    parts += ppo_clip(now.narrow(0, b, 4), old.narrow(0, b, 4), advantages.narrow(0, b, 4),
                      weights.narrow(0, b, 4), kConfig)
                 .loss_sum.item<double>();
  EXPECT_NEAR(ppo_clip(now, old, advantages, weights, kConfig).loss_sum.item<double>(), parts, 1e-12);
}

TEST(loss, an_absurd_ratio_stays_finite_in_single_precision) {
  const at::Tensor now = at::tensor({500.F, -500.F}).requires_grad_(true);
  const LossTerms terms = ppo_clip(now, at::zeros({2}), at::tensor({-1.F, -1.F}), at::ones({2}), {});
  terms.loss_sum.backward();
  EXPECT_TRUE(std::isfinite(terms.loss_sum.item<float>()));
  EXPECT_TRUE(at::isfinite(now.grad()).all().item<bool>());
}

// GRPO-Guard on one step: samples drawn by the old policy, a new mean that differs by delta.
struct GuardCase {
  diffusion::Step step;
  at::Tensor next, old_mean, mean;
  explicit GuardCase(const diffusion::Step& s, int64_t batch = 3, double distance = 0.1) : step(s) {
    old_mean = at::randn({batch, 2, 3, 3}, at::kDouble);
    next = old_mean + step.noise_std * at::randn({batch, 2, 3, 3}, at::kDouble);
    mean = old_mean + distance * step.noise_std * at::randn({1, 2, 3, 3}, at::kDouble);
  }
  at::Tensor log_ratio() const {
    return diffusion::step_log_prob(step, next, mean) - diffusion::step_log_prob(step, next, old_mean);
  }
  at::Tensor delta_squared() const { return (mean - old_mean).square().mean({1, 2, 3}); }
  LossTerms guard(const at::Tensor& advantages, const LossConfig& config) const {
    return grpo_guard(step, next, mean, old_mean, advantages, at::ones_like(advantages), config);
  }
};

// Flow-GRPO's: the SDE at 0.7 on Stable Diffusion 3.5's ten levels.
std::vector<diffusion::Step> sde() {
  const diffusion::SamplerConfig config;
  return diffusion::make_schedule(config);
}

LossConfig guard_config(const std::string& reweight) {
  return {.kind = "grpo_guard", .clip_range = kClip, .reweight = reweight};
}

// The paper corrects the log-ratio by its bias and multiplies by n; Flow-Factory writes the product out.
TEST(loss, guard_is_both_published_forms_of_the_ratio) {
  const at::Tensor advantages = vec({0.7, -1.2, 2});
  for (const diffusion::Step& step : sde()) {
    const GuardCase guard(step);
    const double n = step.noise_std;
    const at::Tensor paper = ((guard.log_ratio() + guard.delta_squared() / (2 * n * n)) * n).exp();
    const at::Tensor factory = (guard.log_ratio() * n + guard.delta_squared() / (2 * n)).exp();
    EXPECT_TRUE(at::allclose(paper, factory, 1e-12, 1e-12));
    double sum = 0, squares = 0;
    for (int64_t b = 0; b < 3; ++b) {
      const double log_ratio = std::log(paper[b].item<double>());
      sum += plain(log_ratio, advantages[b].item<double>());
      squares += log_ratio * log_ratio / 2;
    }
    const LossTerms terms = guard.guard(advantages, guard_config("none"));
    EXPECT_NEAR(terms.loss_sum.item<double>(), sum, 1e-10) << step.index;
    EXPECT_NEAR(terms.approx_kl_sum.item<double>(), squares, 1e-12) << step.index;
    EXPECT_NEAR(guard.guard(advantages, guard_config("inv_dt")).loss_sum.item<double>(), sum / -step.dt,
                1e-9 / -step.dt);
  }
}

// What the guard is for: the plain log-ratio is negative on average, its own is not, whatever the step's
// noise.
TEST(loss, guard_removes_the_bias_of_the_log_ratio) {
  for (const int64_t index : {0, 4, 8}) {
    const GuardCase guard(sde()[size_t(index)], 40000);
    const double n = guard.step.noise_std, delta = guard.delta_squared().mean().item<double>();
    const at::Tensor own = (guard.log_ratio() + guard.delta_squared() / (2 * n * n)) * n;
    const double error =
        std::sqrt(delta / 18 / 40000);  // own is normal with this variance over D = 18 elements
    EXPECT_NEAR(guard.log_ratio().mean().item<double>(), -delta / (2 * n * n), 5 * error / n);
    EXPECT_NEAR(own.mean().item<double>(), 0, 5 * error);
    EXPECT_NEAR(own.std().item<double>() / std::sqrt(delta / 18), 1, 0.02);
  }
}

TEST(loss, guards_ratio_is_exactly_one_for_the_same_mean) {
  for (const diffusion::Step& step : sde()) {
    const at::Tensor old_mean = at::randn({4, 2, 8, 8}), next = old_mean + at::randn({4, 2, 8, 8});
    const LossTerms terms = grpo_guard(step, next, old_mean.clone(), old_mean, at::ones({4}), at::ones({4}),
                                       guard_config("none"));
    EXPECT_EQ(terms.ratio_deviation_max.item<double>(), 0.0);
    EXPECT_EQ(terms.loss_sum.item<double>(), -4.0);
  }
}

TEST(loss, guards_gradient_equals_finite_differences) {
  constexpr double h = 1e-6;
  const at::Tensor advantages = vec({0.7, -1.2, 2});
  for (const char* reweight : {"none", "inv_dt"}) {
    GuardCase guard(sde()[3], 3, 0.3);
    const at::Tensor leaf = guard.mean.expand({3, 2, 3, 3}).clone().requires_grad_(true);
    guard.mean = leaf;
    guard.guard(advantages, guard_config(reweight)).loss_sum.backward();
    for (const int64_t element : {0, 17, 23, 40}) {
      const auto shifted = [&](double by) {
        guard.mean = leaf.detach().clone();
        guard.mean.view({-1})[element] += by;
        return guard.guard(advantages, guard_config(reweight)).loss_sum.item<double>();
      };
      EXPECT_NEAR(leaf.grad().view({-1})[element].item<double>(), (shifted(h) - shifted(-h)) / (2 * h), 1e-7);
    }
  }
}

TEST(loss, guard_refuses_a_log_probability_that_is_none) {
  diffusion::Step step = sde()[2];
  step.normalized = false;
  EXPECT_EQ(
      testing::message_of<ConfigError>([&] {
        GuardCase(step).guard(vec({1, 1, 1}), guard_config("none"));
      }),
      "[loss] grpo_guard needs a normalized log-probability; got sampler.logprob = \"released\"; expected "
      "\"normalized\", or loss.kind = \"ppo_clip\"");
}

// Its correction is that of an SDE's increment; CPS and DDIM have other noise.
TEST(loss, guard_is_for_sdes) {
  for (const char* kind : {"flow_sde", "dance_sde"}) check_loss(guard_config("none"), {.kind = kind});
  for (const char* kind : {"cps", "ddim", "ode"}) {
    check_loss(kConfig, {.kind = kind});
    EXPECT_EQ(testing::message_of<ConfigError>([&] { check_loss(guard_config("none"), {.kind = kind}); }),
              cat("[loss] grpo_guard corrects the ratio of an SDE's step, whose noise is tau sqrt(-dt); got "
                  "sampler.kind = \"",
                  kind, "\"; expected flow_sde or dance_sde, or loss.kind = \"ppo_clip\""));
  }
}

}  // namespace loss_test
}  // namespace gamut::algorithms
