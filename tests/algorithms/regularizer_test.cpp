// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/regularizer.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/step.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::algorithms {
namespace regularizer_test {

using diffusion::Step;

const std::vector<std::string> kKinds{"kl_flow", "kl_exact", "kl_v", "kl_x"};

// Flow-GRPO's: the SDE at 0.7 on Stable Diffusion 3.5's ten levels.
std::vector<Step> schedule() {
  const diffusion::SamplerConfig config;
  return diffusion::make_schedule(config);
}

double distance(const std::string& kind, const Step& step, const at::Tensor& mean,
                const at::Tensor& reference) {
  return regularizer_sum({.kind = kind}, step, mean, reference,
                         at::ones({mean.size(0)}, mean.options().requires_grad(false)))
      .item<double>();
}

// KL(N(m, n^2) || N(m', n^2)) by summing p ln(p / q) over a grid of 16 standard deviations.
double gaussian_kl(double m, double other, double n) {
  const double spacing = 16 * n / 20000;
  double sum = 0;
  for (int i = -10000; i <= 10000; ++i) {
    const double x = m + i * spacing, z = (x - m) / n, w = (x - other) / n;
    sum += std::exp(-z * z / 2) * (w * w - z * z) / 2;
  }
  return sum * spacing / (n * std::sqrt(2 * std::acos(-1.0)));
}

TEST(regularizer, kl_exact_is_the_kl_of_two_gaussians) {
  for (const Step& step : schedule()) {
    const at::Tensor mean = at::full({1, 1, 1, 1}, 0.3, at::kDouble), reference = mean + 0.8 * step.noise_std;
    EXPECT_NEAR(distance("kl_exact", step, mean, reference),
                gaussian_kl(0.3, reference.item<double>(), step.noise_std), 1e-9);
  }
}

TEST(regularizer, flow_grpos_form_is_the_exact_one_times_the_step_size) {
  const at::Tensor mean = at::randn({3, 2, 4, 4}, at::kDouble),
                   reference = at::randn({3, 2, 4, 4}, at::kDouble);
  for (const Step& step : schedule()) {
    const double exact = distance("kl_exact", step, mean, reference);
    EXPECT_NEAR(distance("kl_flow", step, mean, reference) / (exact * -step.dt), 1, 1e-12);
    EXPECT_NEAR(distance("kl_x", step, mean, reference) / (exact * 2 * step.noise_std * step.noise_std), 1,
                1e-12);
  }
}

TEST(regularizer, kl_v_is_the_distance_of_the_velocities) {
  const at::Tensor x = at::randn({2, 2, 3, 3}), v = at::randn({2, 2, 3, 3}), other = at::randn({2, 2, 3, 3});
  const double expected = (v - other).square().mean({1, 2, 3}).sum().item<double>();
  for (const Step& step : schedule()) {
    const double got =
        distance("kl_v", step, diffusion::step_mean(step, x, v), diffusion::step_mean(step, x, other));
    // Means of size ~3 in fp32 differ by b (v - v'), b down to 0.011: relative rounding 3 * 2^-24 / 0.011.
    EXPECT_NEAR(got / expected, 1, 1e-4) << step.index;
  }
}

TEST(regularizer, equal_means_are_exactly_zero_apart) {
  const at::Tensor mean = at::randn({2, 2, 3, 3});
  for (const std::string& kind : kKinds)
    for (const Step& step : schedule()) {
      const at::Tensor leaf = mean.clone().requires_grad_(true);
      const at::Tensor sum = regularizer_sum({.kind = kind}, step, leaf, mean, at::ones({2}));
      EXPECT_EQ(sum.item<double>(), 0.0) << kind;
      sum.backward();
      EXPECT_EQ(leaf.grad().abs().max().item<double>(), 0.0) << kind;
    }
}

// d/d mean of f w mean_D (mean - reference)^2 = 2 f w (mean - reference) / D; nothing reaches the reference.
TEST(regularizer, the_gradient_pulls_towards_the_reference_only) {
  const Step step = schedule()[5];
  for (const std::string& kind : kKinds) {
    const at::Tensor mean = at::randn({3, 2, 2, 2}, at::kDouble).requires_grad_(true);
    const at::Tensor reference = at::randn({3, 2, 2, 2}, at::kDouble).requires_grad_(true);
    const at::Tensor weight = at::tensor({1.0, 0.0, 1.0}, at::kDouble);
    regularizer_sum({.kind = kind}, step, mean, reference, weight).backward();
    const at::Tensor expected =
        (mean - reference).detach() * weight.view({3, 1, 1, 1}) * (2 * regularizer_factor(kind, step) / 8);
    EXPECT_TRUE(at::allclose(mean.grad(), expected, 1e-12, 1e-12)) << kind;
    EXPECT_FALSE(reference.grad().defined()) << kind;
  }
}

TEST(regularizer, is_on_only_with_kind_and_weight) {
  EXPECT_FALSE((RegularizerConfig{.kind = "none", .weight = 1}.is_on()));
  EXPECT_FALSE((RegularizerConfig{.kind = "kl_flow", .weight = 0}.is_on()));
  EXPECT_TRUE((RegularizerConfig{.kind = "kl_flow", .weight = 0.04}.is_on()));
}

RegularizerConfig structure_aware(int64_t steps, const std::string& decay = "hard") {
  return {.kind = "structure_aware", .weight = 0.5, .steps = steps, .decay = decay};
}

// Weight of mean (v - v_ref)^2 at each step of Stable Diffusion 3.5's ten: the regularizer itself, the KL as
// Flow-GRPO's code has it and the exact one, to the printed digits.
TEST(regularizer, weights_of_a_velocity_change_are_those_of_the_table) {
  const std::vector<std::vector<double>> table{
      {7.95e-4, 6.5e-5, 1.6e-3}, {1.70e-3, 1.4e-4, 3.1e-3}, {2.40e-3, 4.6e-4, 8.4e-3},
      {3.51e-3, 1.2e-3, 1.8e-2}, {5.35e-3, 2.9e-3, 3.5e-2}, {8.57e-3, 7.2e-3, 6.9e-2},
      {1.46e-2, 2.0e-2, 1.4e-1}, {2.71e-2, 6.4e-2, 3.4e-1}, {5.61e-2, 3.0e-1, 1.1}};
  const auto agrees = [](double got, double printed, double half_digit) {
    return std::abs(got / printed - 1) <= half_digit;
  };
  for (size_t i = 0; i < table.size(); ++i) {
    const Step step = schedule()[i];
    const double c2 = step.b * step.b;
    EXPECT_TRUE(agrees(c2 * regularizer_factor("w2_half", step), table[i][0], 5e-3)) << i;
    EXPECT_TRUE(agrees(c2 * regularizer_factor("kl_flow", step), table[i][1], 5e-2)) << i;
    EXPECT_TRUE(agrees(c2 * regularizer_factor("kl_exact", step), table[i][2], 5e-2)) << i;
  }
}

// d/dv of the half squared distance of means is c^2 (v - v_ref) / D: by autograd and by finite differences.
TEST(regularizer, structure_aware_has_the_gradient_of_the_paper) {
  constexpr double h = 1e-5;
  const std::vector<Step> steps = schedule();
  for (const int64_t index : {0, 1, 2}) {
    const Step& step = steps[size_t(index)];
    const at::Tensor x = at::randn({2, 2, 3, 3}, at::kDouble), other = at::randn({2, 2, 3, 3}, at::kDouble);
    const at::Tensor v = at::randn({2, 2, 3, 3}, at::kDouble).requires_grad_(true);
    const at::Tensor reference = x * step.a + other * step.b;
    const auto value = [&](const at::Tensor& velocity) {
      return regularizer_sum(structure_aware(3), step, x * step.a + velocity * step.b, reference,
                             at::ones({2}, at::kDouble));
    };
    value(v).backward();
    EXPECT_TRUE(at::allclose(v.grad(), (v - other).detach() * (step.b * step.b / 18), 1e-12, 1e-14)) << index;
    for (const int64_t element : {0, 17, 20}) {
      at::Tensor up = v.detach().clone(), down = v.detach().clone();
      up.view({-1})[element] += h;
      down.view({-1})[element] -= h;
      const double difference = (value(up).item<double>() - value(down).item<double>()) / (2 * h);
      EXPECT_NEAR(v.grad().view({-1})[element].item<double>(), difference, 1e-10) << index;
    }
  }
}

TEST(regularizer, structure_aware_leaves_later_steps_free) {
  const std::vector<Step> steps = schedule();
  const at::Tensor reference = at::zeros({1, 2, 3, 3}, at::kDouble);
  for (const int64_t k : {0, 1, 4}) {  // 0: the default, 3
    for (const Step& step : steps) {
      const at::Tensor mean = at::ones({1, 2, 3, 3}, at::kDouble).requires_grad_(true);
      regularizer_sum(structure_aware(k), step, mean, reference, at::ones({1}, at::kDouble)).backward();
      EXPECT_EQ(mean.grad().abs().max().item<double>() > 0, step.index < (k == 0 ? 3 : k)) << k << step.index;
    }
  }
}

TEST(regularizer, the_first_steps_weigh_as_the_decay_says) {
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(structure_aware(4).step_weight(i), 1.0);
    EXPECT_NEAR(structure_aware(4, "linear").step_weight(i), 1 - double(i) / 4, 1e-12);
    EXPECT_NEAR(structure_aware(4, "cosine").step_weight(i),
                0.5 + 0.5 * std::cos(std::acos(-1.0) * double(i) / 4), 1e-12);
  }
  EXPECT_EQ(structure_aware(4, "linear").step_weight(4), 0.0);
  EXPECT_EQ((RegularizerConfig{.kind = "kl_flow"}.step_weight(99)), 1.0);  // 0: all steps
  EXPECT_EQ((RegularizerConfig{.kind = "kl_flow", .steps = 2}.step_weight(2)), 0.0);
}

double with_form(const std::string& form, const std::string& reduction, const Step& step,
                 const at::Tensor& mean, const at::Tensor& reference) {
  RegularizerConfig config = structure_aware(3);
  config.form = form;
  config.reduction = reduction;
  return regularizer_sum(config, step, mean, reference, at::ones({mean.size(0)}, mean.options()))
      .item<double>();
}

TEST(regularizer, the_forms_are_known_multiples_of_each_other) {
  const Step step = schedule()[1];
  const at::Tensor mean = at::randn({3, 2, 4, 4}, at::kDouble),
                   reference = at::zeros({3, 2, 4, 4}, at::kDouble);
  const auto form = [&](const std::string& name) { return with_form(name, "mean", step, mean, reference); };
  EXPECT_NEAR(form("w2"), 2 * form("w2_half"), 1e-12);
  EXPECT_NEAR(form("w2"), distance("kl_x", step, mean, reference), 1e-12);
  EXPECT_NEAR(form("kl_flow"), distance("kl_flow", step, mean, reference), 1e-12);
  EXPECT_NEAR(form("kl_exact"), distance("kl_exact", step, mean, reference), 1e-12);
  EXPECT_NEAR(form("v_mse"), distance("kl_v", step, mean, reference), 1e-9);
  EXPECT_NEAR(with_form("w2_half", "sum", step, mean, reference), 32 * form("w2_half"), 1e-9);
  EXPECT_EQ(distance("gated_kl", step, mean, reference), distance("kl_flow", step, mean, reference));
}

const std::vector<int64_t> kFirstSeven{0, 1, 2, 3, 4, 5, 6};

std::string complaint(const RegularizerConfig& config, const std::vector<Step>& steps) {
  return testing::message_of<ConfigError>([&] { check_regularizer(config, steps, kFirstSeven); });
}

TEST(regularizer, what_cannot_be_is_refused_in_one_line) {
  EXPECT_EQ(
      complaint(structure_aware(11), schedule()),
      "[regularizer] regularizer.steps reaches beyond the trajectory; got 11; expected at most sampler.steps "
      "= 10");
  EXPECT_EQ(
      complaint({.kind = "kl_exact", .decay = "linear"}, schedule()),
      "[regularizer] decay = \"linear\" runs over the first K steps; got steps = 0; expected steps >= 1");
  std::vector<Step> ddim = schedule();
  for (Step& step : ddim) step.timestep = 100;
  for (const char* kind : {"kl_flow", "gated_kl"}) {
    EXPECT_EQ(
        complaint({.kind = kind}, ddim),
        std::string("[regularizer] ") + kind +
            " divides by a coefficient per unit of time, which ddim lacks; expected kl_exact, kl_v, kl_x or "
            "structure_aware's w2_half");
    EXPECT_THROW(regularizer_factor(kind, ddim[0]), InternalError);
  }
  EXPECT_EQ(complaint({.kind = "kl_exact"}, ddim), "nothing was thrown");
  EXPECT_THROW(regularizer_factor("kl_exact", diffusion::ode_schedule({1, 0.5, 0})[0]), InternalError);
}

TEST(regularizer, steps_that_do_not_train_are_warned_of) {
  EXPECT_EQ(check_regularizer(structure_aware(0), schedule(), kFirstSeven), "");
  EXPECT_EQ(check_regularizer(structure_aware(7), schedule(), kFirstSeven), "");
  EXPECT_EQ(
      check_regularizer(structure_aware(9), schedule(), kFirstSeven),
      "[regularizer] only trained steps are held near the reference: 7 of the first 9 steps can train (see "
      "[schedule])");
  EXPECT_EQ(
      check_regularizer(structure_aware(3), schedule(), {2, 3, 4}),
      "[regularizer] only trained steps are held near the reference: 1 of the first 3 steps can train (see "
      "[schedule])");
  EXPECT_EQ(check_regularizer({.kind = "kl_flow"}, schedule(), kFirstSeven), "");
  EXPECT_EQ(check_regularizer({.kind = "none", .steps = 99}, schedule(), kFirstSeven), "");
}

// By hand: the mean of each 2x2 block of the difference, squared, averaged.
TEST(regularizer, pooling_holds_block_means_and_leaves_detail_free) {
  const Step step = schedule()[2];
  const RegularizerConfig config{.kind = "kl_x", .pool = 2};
  const at::Tensor weight = at::ones({1}), zero = at::zeros({1, 1, 4, 4}, at::kDouble);
  const at::Tensor detail =  // every 2x2 block sums to 0
      at::tensor({1.0, -1.0, 2.0, -2.0, -1.0, 1.0, -2.0, 2.0, 3.0, -3.0, 0.5, -0.5, -3.0, 3.0, -0.5, 0.5},
                 at::kDouble)
          .view({1, 1, 4, 4});
  EXPECT_EQ(regularizer_sum(config, step, detail, zero, weight).item<double>(), 0);
  at::Tensor blocks = detail.clone();
  blocks[0][0].narrow(0, 0, 2).narrow(1, 0, 2).add_(0.5);
  blocks[0][0].narrow(0, 2, 2).narrow(1, 2, 2).add_(-2.0);
  EXPECT_NEAR(regularizer_sum(config, step, blocks, zero, weight).item<double>(), (0.25 + 4.0) / 4, 1e-12);
  EXPECT_EQ(regularizer_sum({.kind = "kl_x", .pool = 1}, step, blocks, zero, weight).item<double>(),
            blocks.square().mean().item<double>());
}

// The clean latent that a mean implies, written out: x' is given, out = (mean - a x) / b, clean = clean_x x +
// clean_out out.
TEST(regularizer, kl_x0_is_a_distance_of_predicted_clean_latents) {
  const at::Tensor x = at::randn({3, 2, 4, 4}, at::kDouble), out = at::randn({3, 2, 4, 4}, at::kDouble),
                   reference = at::randn({3, 2, 4, 4}, at::kDouble);
  for (const Step& step : schedule()) {
    const auto mean = [&](const at::Tensor& o) { return step.a * x + step.b * o; };
    const auto clean = [&](const at::Tensor& o) { return step.clean_x * x + step.clean_out * o; };
    const double expected = (clean(out) - clean(reference)).square().flatten(1).mean(1).sum().item<double>();
    EXPECT_NEAR(distance("kl_x0", step, mean(out), mean(reference)) / expected, 1, 1e-10);
  }
}

TEST(regularizer, a_power_of_time_is_for_objectives_that_have_times) {
  RegularizerConfig config{.kind = "kl_x0", .time_power = 2};
  EXPECT_EQ(testing::message_of<ConfigError>([&] {
              check_regularizer(config, schedule(), {0, 1});
            }),
            "[regularizer] time_power weighs times of the forward process, and here denoising steps train; "
            "got 2; expected "
            "0, or regularizer.steps and decay");
}

}  // namespace regularizer_test
}  // namespace gamut::algorithms
