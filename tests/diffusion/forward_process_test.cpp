// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/forward_process.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::diffusion {
namespace forward_process_test {

SamplerConfig table_of(const std::string& prediction) {
  SamplerConfig config{.kind = "ddim", .steps = 10};
  config.alphas.prediction = prediction;
  return config;
}

std::vector<SamplerConfig> samplers() {
  return {{.kind = "flow_sde"},
          {.kind = "ode"},
          table_of("epsilon"),
          table_of("v_prediction"),
          table_of("sample")};
}

// A network that says exactly what it should leads back to x0, whatever it predicts.
TEST(forward_process, the_target_points_to_the_clean_latent) {
  for (const SamplerConfig& sampler : samplers()) {
    const ForwardProcess process(sampler);
    for (const double time : {0.0, 0.013, 0.4, 0.77, 0.999, 1.0}) {
      const ForwardPoint point = process.at(time, make_schedule(sampler));
      const double clean = 0.8, noise = -1.7;
      const double x = point.signal * clean + point.noise * noise;
      const double target = point.target_clean * clean + point.target_noise * noise;
      EXPECT_NEAR(point.clean_x * x + point.clean_out * target, clean, 1e-9)
          << sampler.alphas.prediction << " at " << time;
    }
  }
}

TEST(forward_process, is_the_interpolation_of_flow_models) {
  const ForwardPoint point = ForwardProcess({.kind = "ode"}).at(0.25, make_schedule({.kind = "ode"}));
  EXPECT_EQ(point.signal, 0.75);
  EXPECT_EQ(point.noise, 0.25);
  EXPECT_EQ(point.target_clean, -1);
  EXPECT_EQ(point.target_noise, 1);
  EXPECT_EQ(point.model_time, 250);
  const SamplerConfig whole{.kind = "ode", .model_time = "truncate"};
  EXPECT_EQ(ForwardProcess(whole).at(0.2509, make_schedule(whole)).model_time, 250);
}

TEST(forward_process, keeps_the_variance_of_diffusion_models) {
  const SamplerConfig sampler = table_of("epsilon");
  const std::vector<double> alphas = alpha_bars(sampler.alphas);
  for (const double time : {0.0, 0.5, 1.0}) {
    const ForwardPoint point = ForwardProcess(sampler).at(time, make_schedule(sampler));
    EXPECT_NEAR(point.signal * point.signal + point.noise * point.noise, 1, 1e-12);
    EXPECT_EQ(point.model_time, std::min(999.0, std::floor(1000 * time)));
    EXPECT_NEAR(point.signal * point.signal, alphas[size_t(point.model_time)], 1e-12);
  }
}

// Where a time comes from a step, network and clean latent are that step's.
TEST(forward_process, meets_every_step_of_the_sampler) {
  for (const SamplerConfig& sampler : samplers()) {
    const ForwardProcess process(sampler);
    const std::vector<Step> schedule = make_schedule(sampler);
    for (const Step& step : schedule) {
      const ForwardPoint point = process.at(process.time_of(step), schedule);
      EXPECT_EQ(point.step, step.index);
      EXPECT_NEAR(point.model_time, step.model_time, 1e-9);
      EXPECT_NEAR(point.clean_x, step.clean_x, 1e-12);
      EXPECT_NEAR(point.clean_out, step.clean_out, 1e-12);
    }
  }
}

TEST(forward_process, a_time_belongs_to_the_last_step_that_begins_at_or_above_it) {
  const SamplerConfig sampler{.kind = "ode", .steps = 4, .grid = "linear"};  // 1, 0.75, 0.5, 0.25
  const ForwardProcess process(sampler);
  const std::vector<Step> schedule = make_schedule(sampler);
  const std::vector<std::pair<double, int64_t>> expected{{1.0, 0}, {0.8, 0},  {0.75, 1},
                                                         {0.3, 2}, {0.25, 3}, {0.0, 3}};
  for (const auto& [time, step] : expected) EXPECT_EQ(process.at(time, schedule).step, step) << time;
}

TEST(forward_process, passes_over_a_table_entry_without_signal) {
  SamplerConfig sampler = table_of("epsilon");
  sampler.alphas.zero_snr = true;
  const ForwardPoint point = ForwardProcess(sampler).at(1.0, {});
  EXPECT_EQ(point.model_time, 998);
  EXPECT_TRUE(std::isfinite(point.clean_x));
}

}  // namespace forward_process_test
}  // namespace gamut::diffusion
