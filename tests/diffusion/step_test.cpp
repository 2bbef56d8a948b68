// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/step.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace gamut::diffusion {
namespace step_test {

Step some_step() {
  return make_schedule(
      {.kind = "flow_sde", .steps = 10, .noise_level = 0.7, .grid = "sd3_diffusers", .shift = 3})[6];
}

TEST(step, the_mean_is_affine_in_latent_and_velocity) {
  const Step step = some_step();
  const at::Tensor x = at::randn({2, 3, 4, 5}), v = at::randn({2, 3, 4, 5});
  const at::Tensor expected = x.to(at::kDouble) * step.a + v.to(at::kDouble) * step.b;
  EXPECT_TRUE(
      at::allclose(step_mean(step, x, v).to(at::kDouble), expected, 1e-6, 1e-6));  // one fp32 rounding each
  EXPECT_EQ(step_mean(step, x.to(at::kBFloat16), v).scalar_type(), at::kFloat);
}

TEST(step, the_predicted_clean_latent_ends_the_straight_line) {
  const Step step = some_step();
  const at::Tensor clean = at::randn({2, 3, 4, 4}), noise = at::randn({2, 3, 4, 4});
  const at::Tensor x = clean * (1 - step.sigma) + noise * step.sigma;
  EXPECT_TRUE(at::allclose(predicted_clean(step, x, noise - clean), clean, 0, 1e-6));
}

// log N averaged over elements at next = mean + n eps is -mean(eps^2) / 2 - ln n - ln(2 pi) / 2.
TEST(step, the_log_probability_of_a_known_deviation) {
  for (const Step& step : make_schedule({.kind = "flow_sde", .noise_level = 0.7})) {
    const at::Tensor mean = at::randn({3, 2, 4, 4}), eps = at::randn({3, 2, 4, 4});
    const at::Tensor got = step_log_prob(step, mean + eps * step.noise_std, mean);
    const at::Tensor expected = eps.to(at::kDouble).square().mean({1, 2, 3}) * -0.5 -
                                std::log(step.noise_std) - 0.5 * std::log(2 * std::numbers::pi);
    ASSERT_EQ(got.sizes(), at::IntArrayRef({3}));
    // fp32 rounds next - mean to 2^-24 of |mean| ~ 3; relative to n that is what the log-probability sees.
    EXPECT_TRUE(at::allclose(got.to(at::kDouble), expected, 1e-6, 1e-6 / step.noise_std)) << step.index;
  }
}

// At next = mean + n eps the released CPS value is -n^2 mean(eps^2), without constants.
TEST(step, the_released_log_probability_is_the_squared_deviation) {
  for (const Step& step : make_schedule({.kind = "cps", .noise_level = 0.8, .logprob = "released"})) {
    if (step.noise_std == 0) continue;
    const at::Tensor mean = at::randn({3, 2, 4, 4}), eps = at::randn({3, 2, 4, 4});
    const at::Tensor got = step_log_prob(step, mean + eps * step.noise_std, mean);
    const at::Tensor expected =
        eps.to(at::kDouble).square().mean({1, 2, 3}) * (-step.noise_std * step.noise_std);
    EXPECT_TRUE(at::allclose(got.to(at::kDouble), expected, 1e-4, 1e-6)) << step.index;
  }
}

// x0 recovered from x = sqrt(ab) x0 + sqrt(1 - ab) eps and what each kind of network would say.
TEST(step, every_prediction_of_a_diffusion_model_names_the_same_clean_latent) {
  for (const char* prediction : {"epsilon", "v_prediction", "sample"}) {
    const Step step = make_schedule({.kind = "ddim", .alphas = {.prediction = prediction}})[4];
    const double signal = std::sqrt(step.alpha_bar), sigma = std::sqrt(1 - step.alpha_bar);
    const at::Tensor clean = at::randn({2, 3, 4, 4}), noise = at::randn({2, 3, 4, 4});
    const at::Tensor x = clean * signal + noise * sigma;
    const std::string kind = prediction;
    const at::Tensor out = kind == "epsilon"  ? noise
                           : kind == "sample" ? clean
                                              : noise * signal - clean * sigma;
    EXPECT_TRUE(at::allclose(predicted_clean(step, x, out), clean, 0, 1e-5)) << kind;
  }
}

TEST(step, the_density_integrates_to_one) {
  const Step step = some_step();
  constexpr int64_t kPoints = 4001;
  const double reach = 8 * step.noise_std, spacing = 2 * reach / double(kPoints - 1);
  const at::Tensor mean = at::full({kPoints, 1, 1, 1}, 0.4F);
  const at::Tensor next = at::linspace(0.4 - reach, 0.4 + reach, kPoints).view({kPoints, 1, 1, 1});
  // The trapezoid rule on a Gaussian is exact far beyond fp32's 1e-5.
  EXPECT_NEAR(step_log_prob(step, next, mean).to(at::kDouble).exp().sum().item<double>() * spacing, 1, 1e-5);
}

// d log-prob / d v = b (next - mean) / (n^2 D), and nothing reaches `next`.
TEST(step, the_gradient_flows_through_the_mean_only) {
  const Step step = some_step();
  const at::Tensor x = at::randn({2, 3, 2, 2});
  const at::Tensor v = at::randn({2, 3, 2, 2}).requires_grad_(true),
                   next = at::randn({2, 3, 2, 2}).requires_grad_(true);
  const at::Tensor mean = step_mean(step, x, v);
  step_log_prob(step, next, mean).sum().backward();
  EXPECT_FALSE(next.grad().defined());
  const at::Tensor expected = (next - mean).detach() * (step.b / (step.noise_std * step.noise_std * 12));
  EXPECT_TRUE(at::allclose(v.grad(), expected, 1e-5, 1e-6));
}

TEST(step, a_deterministic_step_has_no_log_probability) {
  const Step step = ode_schedule({1, 0})[0];
  EXPECT_THROW(step_log_prob(step, at::zeros({1, 1, 1, 1}), at::zeros({1, 1, 1, 1})), InternalError);
}

}  // namespace step_test
}  // namespace gamut::diffusion
