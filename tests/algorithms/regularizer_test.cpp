// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/regularizer.h"

#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::algorithms {
namespace {

using diffusion::Step;

const std::vector<std::string> kKinds{"kl_flow", "kl_exact", "kl_v", "kl_x"};

std::vector<Step> schedule() { return diffusion::make_schedule({.kind = "flow_sde", .noise_level = 0.7}); }

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

}  // namespace
}  // namespace gamut::algorithms
