// SPDX-License-Identifier: Apache-2.0
// Coefficients of the flow samplers against printed values, closed forms and second derivations: Flow-SDE
// (arXiv 2505.05470), Dance-SDE (2505.07818), CPS (2509.05952).
#include "gamut/diffusion/schedule.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace gamut::diffusion {
namespace schedule_test {

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

SamplerConfig sampler(const std::string& kind, double noise_level, int64_t steps = 10,
                      const std::string& grid = "sd3_diffusers") {
  SamplerConfig config = flow_sde(noise_level, steps);
  config.kind = kind;
  config.grid = grid;
  return config;
}

TEST(schedule, without_noise_every_sampler_is_the_ode_bit_for_bit) {
  for (const char* kind : {"flow_sde", "dance_sde", "cps"}) {
    const std::vector<Step> quiet = make_schedule(sampler(kind, 0)),
                            straight = make_schedule(sampler("ode", 0.7));
    ASSERT_EQ(quiet.size(), straight.size());
    for (size_t i = 0; i < quiet.size(); ++i) {
      EXPECT_EQ(quiet[i].a, 1.0);
      EXPECT_EQ(quiet[i].b, quiet[i].dt);
      EXPECT_EQ(quiet[i].noise_std, 0.0);
      EXPECT_EQ(quiet[i].diffusion(), 0.0);
      EXPECT_EQ(quiet[i].dt, quiet[i].sigma_next - quiet[i].sigma);
      EXPECT_EQ(straight[i].b, quiet[i].b);
      EXPECT_EQ(straight[i].noise_std, 0.0);
    }
  }
}

// Dance-SDE is the SDE of constant tau = eta; two steps by hand at eta = 0.3 on 1, 0.5, 0:
// A = 1 + 0.045 dt / sigma, B = (1 + 0.045 (1 - sigma) / sigma) dt, n = 0.3 sqrt(-dt).
TEST(schedule, dance_sde_by_hand) {
  const std::vector<Step> steps = make_schedule(sampler("dance_sde", 0.3, 2, "linear"));
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_NEAR(steps[0].a, 1 - 0.0225, 1e-15);
  EXPECT_NEAR(steps[0].b, -0.5, 1e-15);
  EXPECT_NEAR(steps[1].a, 1 - 0.045, 1e-15);
  EXPECT_NEAR(steps[1].b, -0.5225, 1e-15);
  for (const Step& step : steps) {
    EXPECT_NEAR(step.noise_std, 0.3 * std::sqrt(0.5), 1e-15);
    EXPECT_NEAR(step.diffusion(), 0.3, 1e-15);
  }
}

// DanceGRPO's own way of writing the step: drift -eta^2 score / 2 with the score through the clean
// prediction.
TEST(schedule, dance_sde_is_danceGRPOs_step_with_the_score) {
  Stream stream(4, "test");
  for (const Step& step : make_schedule(sampler("dance_sde", 0.3, 16, "dance")))
    for (int draw = 0; draw < 20; ++draw) {
      const double x = stream.normal(), v = stream.normal();
      const double clean = x - step.sigma * v;
      const double score = -(x - clean * (1 - step.sigma)) / (step.sigma * step.sigma);
      EXPECT_NEAR(step.a * x + step.b * v, x + step.dt * v - 0.5 * 0.09 * score * step.dt, 1e-12);
    }
}

// The last step of Dance-SDE carries noise of eta sqrt(sigma).
TEST(schedule, the_last_noise_of_dance_sde_is_not_small) {
  const Step last = make_schedule(sampler("dance_sde", 0.3, 16, "dance")).back();
  EXPECT_NEAR(last.sigma, 3.0 / 16 / (1 + 2.0 / 16), 1e-15);
  EXPECT_NEAR(last.noise_std, 0.3 * std::sqrt(last.sigma), 1e-15);
}

// mean = (1 - s') clean + q noise with q^2 + n^2 = s'^2, n = s' sin(a pi / 2).
TEST(schedule, cps_mixes_clean_and_noise_predictions) {
  Stream stream(5, "test");
  for (const double a : {0.2, 0.7, 1.0}) {
    const std::vector<Step> steps = make_schedule(sampler("cps", a, 7));
    for (size_t i = 0; i + 1 < steps.size(); ++i) {
      const Step& step = steps[i];
      const double n = step.sigma_next * std::sin(a * std::numbers::pi / 2),
                   q = step.sigma_next * std::cos(a * std::numbers::pi / 2);
      EXPECT_NEAR(step.noise_std, n, 1e-15);
      for (int draw = 0; draw < 20; ++draw) {
        const double x = stream.normal(), v = stream.normal();
        const double clean = x - step.sigma * v, noise = x + (1 - step.sigma) * v;
        EXPECT_NEAR(step.a * x + step.b * v, (1 - step.sigma_next) * clean + q * noise, 1e-8) << i;
      }
    }
  }
}

TEST(schedule, the_last_cps_step_is_the_clean_prediction) {
  const Step last = make_schedule(sampler("cps", 0.8)).back();
  EXPECT_EQ(last.noise_std, 0.0);
  EXPECT_EQ(last.a, last.clean_x);
  EXPECT_EQ(last.b, last.clean_out);
  EXPECT_EQ(last.b, -last.sigma);
}

TEST(schedule, released_log_probs_are_marked_on_noisy_cps_steps) {
  SamplerConfig config = sampler("cps", 0.8);
  for (const Step& step : make_schedule(config)) EXPECT_TRUE(step.normalized);
  config.logprob = "released";
  for (const Step& step : make_schedule(config)) EXPECT_EQ(step.normalized, step.noise_std == 0);
}

TEST(schedule, model_time_is_exact_or_truncated) {
  SamplerConfig config = sampler("dance_sde", 0.3, 16, "dance");
  for (const Step& step : make_schedule(config)) EXPECT_EQ(step.model_time, 1000 * step.sigma);
  config.model_time = "truncate";
  const std::vector<Step> steps = make_schedule(config);
  EXPECT_EQ(steps[0].model_time, 1000);
  EXPECT_EQ(steps[1].model_time, 978);  // sigma = 0.97826
  EXPECT_EQ(steps[15].model_time, 166);
  EXPECT_EQ(steps[15].sigma, make_schedule(sampler("dance_sde", 0.3, 16, "dance"))[15].sigma);
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
  std::vector<Step> steps;
  for (const double a : {0.3, 0.7, 1.0})
    for (const char* kind : {"flow_sde", "dance_sde"})
      for (const Step& step : make_schedule(sampler(kind, a))) steps.push_back(step);
  for (const Step& step : steps) {
    const double gain = step.a + step.b / step.sigma, tau = step.diffusion();
    const double variance = gain * gain * step.sigma * step.sigma + step.noise_std * step.noise_std;
    const double excess =
        step.dt * step.dt * (tau * tau / step.sigma + std::pow(tau, 4) / (4 * step.sigma * step.sigma));
    EXPECT_NEAR(variance, step.sigma_next * step.sigma_next + excess, 1e-12 * (1 + excess)) << step.index;
    // The mean stays that of the marginal, (1 - sigma') m.
    EXPECT_NEAR(step.a * (1 - step.sigma) - step.b, 1 - step.sigma_next, 1e-12 * (1 + excess)) << step.index;
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
  EXPECT_NEAR(noise_left(make_schedule(sampler("dance_sde", 0.3, 16, "dance")), 16), 0.132, 5e-4);
  const double gain = ten[8].a + ten[8].b / ten[8].sigma;
  EXPECT_NEAR(std::hypot(gain * ten[8].sigma, ten[8].noise_std), 0.240, 5e-4);  // from the exact marginal
}

// Coefficients preserving: exactly the level's noise after every step, for any number of steps and grid.
TEST(schedule, cps_leaves_the_levels_own_noise) {
  Stream stream(6, "test");
  for (int draw = 0; draw < 50; ++draw) {
    SamplerConfig config =
        sampler("cps", stream.uniform(), 1 + stream.below(40), sigma_grid_kinds()[size_t(stream.below(5))]);
    config.shift = stream.uniform(0.3, 6);
    const std::vector<Step> steps = make_schedule(config);
    for (size_t i = 0; i < steps.size(); ++i)
      EXPECT_NEAR(noise_left(steps, i + 1), steps[i].sigma_next, 1e-9) << config.grid << i;
  }
}

std::string refusal(const SamplerConfig& config) {
  return testing::message_of<ConfigError>([&] { make_schedule(config); });
}

TEST(schedule, what_cannot_be_is_refused_in_one_line) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refusal(sampler("cps", 1.2)),
            "[sampler] noise_level of cps must lie between 0 and 1, where all noise is new; got 1.2");
  EXPECT_EQ(refusal(sampler("flow_sde", -0.1)), "[sampler] noise_level must be a number >= 0; got -0.1");
  EXPECT_EQ(refusal(sampler("dance_sde", nan)), "[sampler] noise_level must be a number >= 0; got nan");
  EXPECT_EQ(refusal(sampler("heun", 0.7)),
            "[sampler] unknown kind 'heun'; expected flow_sde, dance_sde, cps, ode or ddim");
  SamplerConfig released = sampler("flow_sde", 0.7);
  released.logprob = "released";
  EXPECT_EQ(refusal(released),
            "[sampler] logprob = \"released\" is the scale of cps; got kind = \"flow_sde\"; set logprob = "
            "\"normalized\"");
  EXPECT_THROW(make_schedule({.kind = "ddim"}, {1, 0.5, 0}), InternalError);
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

}  // namespace schedule_test
}  // namespace gamut::diffusion
