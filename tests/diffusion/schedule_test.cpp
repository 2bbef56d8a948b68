// SPDX-License-Identifier: Apache-2.0
// Flow-SDE's coefficients (arXiv 2505.05470) against printed values, closed forms and a second derivation.
#include "gamut/diffusion/schedule.h"

#include "gamut/core/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::diffusion {
namespace {

// Computed once by hand-written double arithmetic from the published step of the SD3.5 recipe: a = 0.7, ten
// steps.
struct Printed {
  double sigma, a, b, tau, n, weight;
};
constexpr Printed kPrinted[] = {
    {1.000000, .755000, -.039871, 3.505671, .700000, .0570},
    {.960129, .712541, -.058242, 3.435073, .742964, .0784},
    {.913349, .842635, -.069293, 2.272634, .536152, .1292},
    {.857692, .884093, -.083818, 1.718500, .445897, .1880},
    {.790368, .902892, -.103447, 1.359203, .391794, .2640},
    {.707278, .912011, -.130884, 1.088093, .352797, .3710},
    {.602151, .915465, -.170907, .861175, .319070, .5356},
    {.464876, .914463, -.232600, .652438, .282007, .8248},
    {.278049, .908672, -.335055, .434415, .225360, 1.4867},
    {.008929, .997793, -.011116, .066441, .006278, 1.7706},
};

SamplerConfig flow_sde(double noise_level, int64_t steps = 10, double shift = 3) {
  return {.kind = "flow_sde",
          .steps = steps,
          .noise_level = noise_level,
          .grid = "sd3_diffusers",
          .shift = shift};
}

TEST(schedule, flow_sde_coefficients_to_the_printed_digits) {
  const std::vector<Step> steps = make_schedule(flow_sde(0.7));
  ASSERT_EQ(steps.size(), std::size(kPrinted));
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].index, int64_t(i));
    EXPECT_NEAR(steps[i].sigma, kPrinted[i].sigma, 5.1e-7) << i;
    EXPECT_NEAR(steps[i].a, kPrinted[i].a, 5.1e-7) << i;
    EXPECT_NEAR(steps[i].b, kPrinted[i].b, 5.1e-7) << i;
    EXPECT_NEAR(steps[i].diffusion(), kPrinted[i].tau, 5.1e-7) << i;
    EXPECT_NEAR(steps[i].noise_std, kPrinted[i].n, 5.1e-7) << i;
    EXPECT_NEAR(-steps[i].b / steps[i].noise_std, kPrinted[i].weight, 5.1e-5) << i;
  }
}

TEST(schedule, without_noise_the_sde_is_the_ode_bit_for_bit) {
  SamplerConfig ode = flow_sde(0.7);
  ode.kind = "ode";
  const std::vector<Step> quiet = make_schedule(flow_sde(0)), straight = make_schedule(ode);
  ASSERT_EQ(quiet.size(), straight.size());
  for (size_t i = 0; i < quiet.size(); ++i) {
    EXPECT_EQ(quiet[i].a, 1.0);
    EXPECT_EQ(quiet[i].b, quiet[i].dt);
    EXPECT_EQ(quiet[i].noise_std, 0.0);
    EXPECT_EQ(quiet[i].dt, quiet[i].sigma_next - quiet[i].sigma);
    EXPECT_EQ(straight[i].b, quiet[i].b);
    EXPECT_EQ(straight[i].noise_std, 0.0);
  }
}

TEST(schedule, closed_forms_hold_on_every_grid) {
  for (const std::string& grid : sigma_grid_kinds())
    for (const double a : {0.3, 0.7, 1.2})
      for (const int64_t count : {2, 5, 10, 37}) {
        SamplerConfig config = flow_sde(a, count, 1.7);
        config.grid = grid;
        const std::vector<Step> steps = make_schedule(config);
        EXPECT_NEAR(steps[0].noise_std, a, 1e-12) << grid;
        EXPECT_NEAR(steps[0].a, 1 - a * a / 2, 1e-12) << grid;
        EXPECT_NEAR(steps[0].b, steps[0].dt, 1e-12) << grid;
        for (size_t i = 1; i < steps.size(); ++i) {
          EXPECT_NEAR(steps[i].b, (1 + a * a / 2) * steps[i].dt, 1e-12) << grid << i;
          EXPECT_NEAR(steps[i].a, 1 + a * a * steps[i].dt / (2 * (1 - steps[i].sigma)), 1e-12) << grid << i;
        }
      }
}

// The reverse SDE through the score of the marginal, -(x - (1 - sigma) x0) / sigma^2 with x0 = x - sigma v:
// drift v - tau^2 score / 2. Another form than the one the schedule is written in.
TEST(schedule, the_step_is_the_reverse_sde_with_the_score_written_out) {
  Stream stream(3, "test");
  for (const Step& step : make_schedule(flow_sde(0.9, 12, 2))) {
    const double tau =
        step.sigma == 1 ? 0.9 / std::sqrt(-step.dt) : 0.9 * std::sqrt(step.sigma / (1 - step.sigma));
    EXPECT_NEAR(step.diffusion(), tau, 1e-9);
    for (int draw = 0; draw < 20; ++draw) {
      const double x = stream.normal(), v = stream.normal();
      const double clean = x - step.sigma * v;
      const double score = -(x - (1 - step.sigma) * clean) / (step.sigma * step.sigma);
      EXPECT_NEAR(step.a * x + step.b * v, x + (v - tau * tau * score / 2) * step.dt, 1e-9);
    }
  }
}

// Point-mass target m with the exact velocity (x - m) / sigma, starting from the exact marginal of one step.
TEST(schedule, one_step_leaves_the_predicted_excess_variance) {
  for (const double a : {0.3, 0.7, 1.0})
    for (const Step& step : make_schedule(flow_sde(a))) {
      const double gain = step.a + step.b / step.sigma, tau = step.diffusion();
      const double variance = gain * gain * step.sigma * step.sigma + step.noise_std * step.noise_std;
      const double excess =
          step.dt * step.dt * (tau * tau / step.sigma + std::pow(tau, 4) / (4 * step.sigma * step.sigma));
      EXPECT_NEAR(variance, step.sigma_next * step.sigma_next + excess, 1e-12) << step.index;
      // The mean stays that of the marginal, (1 - sigma') m.
      EXPECT_NEAR(step.a * (1 - step.sigma) - step.b, 1 - step.sigma_next, 1e-12) << step.index;
    }
}

double noise_left(const std::vector<Step>& steps, size_t count) {
  double variance = 1;
  for (size_t i = 0; i < count; ++i) {
    const double gain = steps[i].a + steps[i].b / steps[i].sigma;
    variance = gain * gain * variance + steps[i].noise_std * steps[i].noise_std;
  }
  return std::sqrt(variance);
}

// Noise that remains in a picture of a point mass, printed with three digits.
TEST(schedule, accumulated_noise_to_the_printed_digits) {
  const std::vector<Step> ten = make_schedule(flow_sde(0.7)), forty = make_schedule(flow_sde(0.7, 40));
  EXPECT_NEAR(noise_left(ten, 9), 0.249, 5e-4);
  EXPECT_NEAR(noise_left(ten, 10), 0.062, 5e-4);
  EXPECT_NEAR(noise_left(forty, 40), 0.015, 5e-4);
  EXPECT_NEAR(noise_left(make_schedule(flow_sde(0)), 10), 0, 1e-15);
}

TEST(schedule, given_levels_replace_the_grid) {
  SamplerConfig config = flow_sde(0.5);
  const std::vector<Step> steps = make_schedule(config, {1, 0.6, 0.2, 0});
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[1].sigma, 0.6);
  EXPECT_EQ(steps[1].sigma_next, 0.2);
  EXPECT_NEAR(steps[1].b, -0.4 * 1.125, 1e-15);
  const std::vector<Step> euler = ode_schedule({1, 0.6, 0});
  ASSERT_EQ(euler.size(), 2u);
  EXPECT_EQ(euler[1].b, -0.6);
}

// One step would divide by 1 - sigma_1 = 1: tau = a, everything finite.
TEST(schedule, a_single_step_stays_finite) {
  const std::vector<Step> steps = make_schedule(flow_sde(0.7, 1));
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_NEAR(steps[0].noise_std, 0.7, 1e-15);
  EXPECT_NEAR(steps[0].a, 1 - 0.245, 1e-15);
  EXPECT_EQ(steps[0].b, -1);
}

}  // namespace
}  // namespace gamut::diffusion
