// SPDX-License-Identifier: Apache-2.0
// Euler's method and DDIM's last step to alpha_bar = 1 against diffusers (generators/euler.py).
#include "gamut/diffusion/ddim.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::diffusion {
namespace euler_test {

// diffusers computes levels and samples in fp32.
constexpr double kTolerance = 2e-5;

const nlohmann::json& fixture() {
  static const nlohmann::json loaded =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/diffusion/fixtures/euler.json");
  return loaded;
}

AlphaTableConfig table_of(const nlohmann::json& row) {
  AlphaTableConfig table;
  table.spacing = row["spacing"].get<std::string>();
  if (row.contains("prediction")) table.prediction = row["prediction"].get<std::string>();
  return table;
}

// Walks the schedule with the row's outputs and noise, and compares what the network sees and what comes out.
void expect_walk(const nlohmann::json& row, const std::vector<Step>& schedule) {
  ASSERT_EQ(schedule.size(), row["timesteps"].size());
  std::vector<double> x = row["init"];
  for (double& value : x) value *= schedule.front().start_scale;
  for (size_t i = 0; i < schedule.size(); ++i) {
    const Step& step = schedule[i];
    EXPECT_EQ(step.index, int64_t(i));
    EXPECT_NEAR(step.model_time, row["timesteps"][i].get<double>(), 1e-4);
    for (size_t d = 0; d < x.size(); ++d) {
      EXPECT_NEAR(x[d], row["inputs"][i][d].get<double>(), kTolerance) << "input of step " << i;
      const double noise = row["noise"][i][d];
      x[d] = step.a * x[d] + step.b * row["outputs"][i][d].get<double>() + step.noise_std * noise;
    }
  }
  for (size_t d = 0; d < x.size(); ++d)
    EXPECT_NEAR(x[d], row["final"][d].get<double>(), kTolerance) << "final " << d;
}

TEST(euler, walks_as_diffusers) {
  ASSERT_EQ(fixture()["euler"].size(), 12u);
  for (const nlohmann::json& row : fixture()["euler"]) {
    SCOPED_TRACE(row["spacing"].get<std::string>() + " " + row["prediction"].get<std::string>());
    expect_walk(row, euler_schedule(table_of(row), int64_t(row["timesteps"].size())));
  }
}

TEST(euler, ends_without_noise) {
  const Step last = euler_schedule({}, 5).back();
  EXPECT_EQ(last.alpha_bar_prev, 1.0);
  EXPECT_EQ(last.sigma_next, 0.0);
  EXPECT_EQ(last.noise_std, 0.0);
  EXPECT_NEAR(last.a, last.clean_x, 1e-12);
  EXPECT_NEAR(last.b, last.clean_out, 1e-12);
}

TEST(euler, refuses_more_steps_than_the_table_has) {
  EXPECT_EQ(testing::message_of<ConfigError>([] { euler_schedule({}, 1001); }),
            "[sampler] ddim takes 1 to train_timesteps = 1000 steps; got 1001");
}

TEST(ddim_to_one, walks_as_diffusers) {
  ASSERT_EQ(fixture()["alpha_one"].size(), 6u);
  for (const nlohmann::json& row : fixture()["alpha_one"]) {
    SCOPED_TRACE(row["spacing"].get<std::string>());
    AlphaTableConfig table = table_of(row);
    table.final_alpha = "one";
    const std::vector<Step> schedule = ddim_schedule(table, 5, row["eta"].get<double>());
    EXPECT_EQ(schedule.back().noise_std, 0.0);
    expect_walk(row, schedule);
    table.final_alpha = "table";
    EXPECT_LT(ddim_schedule(table, 5, 0).back().alpha_bar_prev, 1.0);
  }
}

}  // namespace euler_test
}  // namespace gamut::diffusion
