// SPDX-License-Identifier: Apache-2.0
// DDIM against diffusers' DDIMScheduler and ddpo-pytorch's log-probability (generators/ddim.py).
#include "gamut/diffusion/alpha_table.h"
#include "gamut/diffusion/schedule.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <numbers>

namespace gamut::diffusion {
namespace ddim_test {

using testing::message_of;

const nlohmann::json& fixture() {
  static const nlohmann::json loaded =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/diffusion/fixtures/ddim.json");
  return loaded;
}

SamplerConfig ddim(double eta, int64_t steps = 10, const std::string& prediction = "epsilon") {
  return {.kind = "ddim", .steps = steps, .eta = eta, .alphas = {.prediction = prediction}};
}

// The same LibTorch kernels in fp32: equal to a rounding that another processor may do otherwise.
TEST(ddim, noise_tables_are_those_of_diffusers) {
  ASSERT_EQ(fixture()["tables"].size(), 3u);
  for (const nlohmann::json& entry : fixture()["tables"]) {
    const std::vector<double> table = alpha_bars({.beta_schedule = entry["beta_schedule"].get<std::string>(),
                                                  .beta_start = entry["beta_start"].get<double>(),
                                                  .beta_end = entry["beta_end"].get<double>()});
    ASSERT_EQ(table.size(), 1000u);
    for (size_t k = 0; k < entry["indices"].size(); ++k) {
      const double expected = entry["alpha_bars"][k].get<double>();
      EXPECT_NEAR(table[entry["indices"][k].get<size_t>()] / expected, 1, 1e-6)
          << entry["beta_schedule"] << entry["indices"][k];
    }
  }
}

// Stable Diffusion 1.x: first and last alpha_bar by a product in double, 1e-5 for fp32's thousand roundings.
TEST(ddim, the_table_is_the_product_of_its_betas) {
  const std::vector<double> table = alpha_bars({});
  double product = 1;
  for (int64_t j = 0; j < 1000; ++j) {
    const double root = std::sqrt(0.00085) + (std::sqrt(0.012) - std::sqrt(0.00085)) * double(j) / 999;
    product *= 1 - root * root;
    EXPECT_NEAR(table[size_t(j)] / product, 1, 1e-5) << j;
  }
}

TEST(ddim, timesteps_are_those_of_diffusers) {
  ASSERT_EQ(fixture()["spacings"].size(), 4u);
  for (const nlohmann::json& entry : fixture()["spacings"]) {
    const AlphaTableConfig config{.spacing = entry["spacing"].get<std::string>(),
                                  .steps_offset = entry["steps_offset"].get<int64_t>()};
    for (const auto& [count, expected] : entry["timesteps"].items())
      EXPECT_EQ(ddim_timesteps(config, std::stoll(count)), expected.get<std::vector<int64_t>>())
          << config.spacing << count;
    for (int64_t count = 1; count <= 200; ++count) {
      const std::vector<int64_t> got = ddim_timesteps(config, count);
      int64_t sum = 0;
      for (size_t i = 0; i < got.size(); ++i) sum += int64_t(i + 1) * got[i];
      EXPECT_EQ(sum, entry["checksums"][size_t(count - 1)].get<int64_t>()) << config.spacing << count;
    }
  }
}

void expect_close(double got, const nlohmann::json& expected, const std::string& what) {
  EXPECT_NEAR(got, expected.get<double>(), 1e-6 * (1 + std::abs(expected.get<double>()))) << what;
}

// One chain of ten steps per prediction and eta, from given latents, outputs and noise.
TEST(ddim, steps_are_those_of_diffusers_and_log_probs_those_of_ddpo) {
  const nlohmann::json& rows = fixture()["steps"];
  ASSERT_EQ(rows.size(), 90u);
  for (size_t row = 0; row < rows.size(); ++row) {
    const nlohmann::json& e = rows[row];
    const double eta = e["eta"].get<double>();
    const std::string prediction = e["prediction"].get<std::string>();
    const Step step = make_schedule(ddim(eta, 10, prediction))[row % 10];
    ASSERT_EQ(step.timestep, e["t"].get<int64_t>());
    ASSERT_EQ(step.timestep_prev, e["t_prev"].get<int64_t>());
    double squares = 0;
    const std::string what = cat(prediction, " eta ", eta, " t ", step.timestep);
    for (size_t k = 0; k < 3; ++k) {
      const double x = e["x"][k].get<double>(), out = e["out"][k].get<double>(),
                   noise = e["noise"][k].get<double>();
      const double mean = step.a * x + step.b * out, next = mean + step.noise_std * noise;
      expect_close(next, e["next"][k], what);
      expect_close(step.clean_x * x + step.clean_out * out, e["clean"][k], what);
      squares += (next - mean) * (next - mean) / 3;
    }
    ASSERT_EQ(step.noise_std > 0, eta > 0) << what;
    if (eta == 0) continue;
    const double n = step.noise_std;
    expect_close(-squares / (2 * n * n) - std::log(n) - 0.5 * std::log(2 * std::numbers::pi), e["log_prob"],
                 what);
  }
}

TEST(ddim, rows_carry_levels_times_and_timesteps) {
  const std::vector<double> table = alpha_bars({});
  const std::vector<Step> steps = make_schedule(ddim(1, 50));
  ASSERT_EQ(steps.size(), 50u);
  EXPECT_EQ(steps[0].timestep, 981);
  EXPECT_EQ(steps[0].timestep_prev, 961);
  EXPECT_EQ(steps[49].timestep, 1);
  EXPECT_EQ(steps[49].timestep_prev, 0);  // max(1 - 20, 0)
  EXPECT_EQ(steps[49].alpha_bar_prev, table[0]);
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].index, int64_t(i));
    EXPECT_EQ(steps[i].model_time, double(steps[i].timestep));
    EXPECT_EQ(steps[i].alpha_bar, table[size_t(steps[i].timestep)]);
    EXPECT_NEAR(steps[i].sigma * steps[i].sigma, 1 - steps[i].alpha_bar, 1e-15);
    EXPECT_EQ(steps[i].dt, steps[i].sigma_next - steps[i].sigma);
    EXPECT_LT(steps[i].dt, 0);
    EXPECT_TRUE(steps[i].normalized);
  }
}

// The variance never takes more than the next level's; the mean's noise and the fresh noise add up to that
// level.
TEST(ddim, fresh_and_predicted_noise_make_up_the_level) {
  for (const std::string spacing : {"leading", "trailing", "linspace"})
    for (const double eta : {0.0, 0.3, 1.0})
      for (const int64_t count : {1, 2, 7, 50, 333}) {
        SamplerConfig config = ddim(eta, count);
        config.alphas.spacing = spacing;
        for (const Step& step : make_schedule(config)) {
          EXPECT_LE(step.noise_std * step.noise_std, 1 - step.alpha_bar_prev + 1e-15);
          // x = x0 = 0 with true noise e: x = sigma e, out = e.
          const double noise = step.a * step.sigma + step.b;
          EXPECT_NEAR(noise * noise + step.noise_std * step.noise_std, 1 - step.alpha_bar_prev, 1e-9);
          EXPECT_GE(noise, -1e-9);
        }
      }
}

// linspace visits timestep 0, from where there is nowhere to go.
TEST(ddim, a_step_from_zero_to_zero_changes_nothing) {
  SamplerConfig config = ddim(1);
  config.alphas.spacing = "linspace";
  const Step last = make_schedule(config).back();
  EXPECT_EQ(last.timestep, 0);
  EXPECT_NEAR(last.a, 1, 1e-15);
  EXPECT_NEAR(last.b, 0, 1e-15);
  EXPECT_EQ(last.noise_std, 0);
  EXPECT_EQ(last.diffusion(), 0);
}

std::string refusal(const SamplerConfig& config) {
  return message_of<ConfigError>([&] { make_schedule(config); });
}

TEST(ddim, what_cannot_be_is_refused_in_one_line) {
  EXPECT_EQ(refusal(ddim(1.5)),
            "[sampler] eta of ddim must lie between 0 (deterministic) and 1 (DDPO); got 1.5");
  EXPECT_EQ(refusal(ddim(-0.1)),
            "[sampler] eta of ddim must lie between 0 (deterministic) and 1 (DDPO); got -0.1");
  EXPECT_EQ(refusal(ddim(1, 1001)), "[sampler] ddim takes 1 to train_timesteps = 1000 steps; got 1001");
  EXPECT_EQ(
      refusal(ddim(1, 1000)),
      "[sampler] the first timestep must be below train_timesteps = 1000; got 1000 from 1000 steps with "
      "steps_offset = 1; take fewer steps or a smaller offset");
  EXPECT_EQ(refusal(ddim(1, 10, "flow")),
            "[sampler] unknown prediction 'flow'; expected epsilon, v_prediction or sample");
  SamplerConfig config = ddim(1);
  config.alphas.spacing = "karras";
  EXPECT_EQ(refusal(config), "[sampler] unknown spacing 'karras'; expected leading, trailing or linspace");
  config = ddim(1);
  config.alphas.beta_end = 1;
  config.alphas.train_timesteps = 20;
  EXPECT_EQ(refusal(config),
            "[sampler] alpha_bar must lie between 0 and 1; got 0 at timestep 19; check beta_start = "
            "0.00085 and beta_end = 1");
}

}  // namespace ddim_test
}  // namespace gamut::diffusion
