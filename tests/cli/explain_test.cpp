// SPDX-License-Identifier: Apache-2.0
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace gamut::testing {
namespace explain_test {

using nlohmann::json;

// A recipe that sets nothing: every value is a default of the algorithm.
std::string empty_recipe(const TempFolder& folder) {
  write_raw(folder / "empty.toml", "");
  return (folder / "empty.toml").string();
}

json schedule(const std::vector<std::string>& sets) {
  const TempFolder folder;
  std::vector<std::string> args{"explain", "schedule", empty_recipe(folder), "--json"};
  for (const std::string& set : sets) args.insert(args.end(), {"--set", set});
  const Ran ran = gamut(args);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  return json::parse(ran.out).at("steps");
}

// The definitions of docs/notation.md, written a second time.
std::vector<double> expected_sigmas(const std::string& grid, int n, double s, double mu) {
  auto shifted = [&](double u) { return s * u / (1 + (s - 1) * u); };
  std::vector<double> sigmas;
  for (int i = 0; i < n; ++i) {
    const double first_to_last = n == 1 ? 0.0 : double(i) / double(n - 1);
    const double to_one_nth = 1 - first_to_last * (1 - 1.0 / n);
    const double to_zero = 1 - double(i) / n;
    if (grid == "sd3_diffusers") sigmas.push_back(shifted(1 - first_to_last * (1 - shifted(0.001))));
    if (grid == "linspace_shift") sigmas.push_back(shifted(to_one_nth));
    if (grid == "flux_dynamic") sigmas.push_back(std::exp(mu) / (std::exp(mu) + 1 / to_one_nth - 1));
    if (grid == "dance") sigmas.push_back(shifted(to_zero));
    if (grid == "linear") sigmas.push_back(to_zero);
  }
  sigmas.push_back(0);
  return sigmas;
}

void expect_chain(const json& steps) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const json& step = steps[i];
    EXPECT_EQ(step.size(), 7u);
    EXPECT_EQ(step.at("index"), i);
    EXPECT_EQ(step.at("dt").get<double>(),
              step.at("sigma_next").get<double>() - step.at("sigma").get<double>());
    if (i > 0) {
      EXPECT_EQ(step.at("sigma"), steps[i - 1].at("sigma_next"));
    }
  }
  EXPECT_EQ(steps.back().at("sigma_next").get<double>(), 0.0);
}

// Flow-GRPO on SD3.5: noise level 0.7, shift 3, ten steps; sigma, A, B and n to six decimals.
constexpr std::array<std::array<double, 4>, 10> kFlowGrpo = {{{1.000000, .755000, -.039871, .700000},
                                                              {.960129, .712541, -.058242, .742964},
                                                              {.913349, .842635, -.069293, .536152},
                                                              {.857692, .884093, -.083818, .445897},
                                                              {.790368, .902892, -.103447, .391794},
                                                              {.707278, .912011, -.130884, .352797},
                                                              {.602151, .915465, -.170907, .319070},
                                                              {.464876, .914463, -.232600, .282007},
                                                              {.278049, .908672, -.335055, .225360},
                                                              {.008929, .997793, -.011116, .006278}}};

TEST(explain, schedule_is_flow_grpos_table) {
  const json steps = schedule({});
  ASSERT_EQ(steps.size(), kFlowGrpo.size());
  expect_chain(steps);
  for (size_t i = 0; i < steps.size(); ++i) {
    // Half a unit of the table's last decimal.
    EXPECT_NEAR(steps[i].at("sigma").get<double>(), kFlowGrpo[i][0], 5.1e-7) << i;
    EXPECT_NEAR(steps[i].at("a").get<double>(), kFlowGrpo[i][1], 5.1e-7) << i;
    EXPECT_NEAR(steps[i].at("b").get<double>(), kFlowGrpo[i][2], 5.1e-7) << i;
    EXPECT_NEAR(steps[i].at("noise_std").get<double>(), kFlowGrpo[i][3], 5.1e-7) << i;
  }
}

TEST(explain, schedule_obeys_grid_steps_and_shift) {
  const std::map<std::string, std::vector<std::pair<int, double>>> cases{
      {"sd3_diffusers", {{10, 3.0}, {1, 2.0}, {7, 1.0}}},
      {"linspace_shift", {{10, 3.0}, {2, 0.5}}},
      {"flux_dynamic", {{6, 3.0}}},
      {"dance", {{16, 3.0}}},
      {"linear", {{10, 3.0}}}};
  for (const auto& [grid, settings] : cases)
    for (const auto& [n, s] : settings) {
      const json steps = schedule({"sampler.grid=" + grid, "sampler.steps=" + std::to_string(n),
                                   "sampler.shift=" + std::to_string(s), "sampler.mu=0.8"});
      const std::vector<double> expected = expected_sigmas(grid, n, s, 0.8);
      ASSERT_EQ(steps.size(), size_t(n)) << grid;
      expect_chain(steps);
      // The same formulas in another order of operations: a few units in the last place.
      for (int i = 0; i < n; ++i)
        EXPECT_NEAR(steps[size_t(i)].at("sigma").get<double>(), expected[size_t(i)], 1e-15) << grid << i;
    }
}

TEST(explain, schedule_obeys_kind_and_noise_level) {
  for (const std::vector<std::string>& sets :
       {std::vector<std::string>{"sampler.kind=ode"}, {"sampler.noise_level=0"}})
    for (const json& step : schedule(sets)) {
      EXPECT_EQ(step.at("a").get<double>(), 1.0);
      EXPECT_EQ(step.at("b"), step.at("dt"));
      EXPECT_EQ(step.at("noise_std").get<double>(), 0.0);
    }
  // Below sigma = 1, B = (1 + a^2/2) dt and A = 1 + a^2 dt / (2 (1 - sigma)).
  const double a = 0.31;
  const json steps = schedule({"sampler.noise_level=0.31", "sampler.steps=5"});
  for (size_t i = 1; i < steps.size(); ++i) {
    const double dt = steps[i].at("dt").get<double>(), sigma = steps[i].at("sigma").get<double>();
    EXPECT_NEAR(steps[i].at("b").get<double>(), (1 + a * a / 2) * dt, 1e-15);
    EXPECT_NEAR(steps[i].at("a").get<double>(), 1 + a * a * dt / (2 * (1 - sigma)), 1e-14);
    EXPECT_NEAR(steps[i].at("noise_std").get<double>(), a * std::sqrt(-dt * sigma / (1 - sigma)), 1e-15);
  }
  EXPECT_NEAR(steps[0].at("noise_std").get<double>(), a, 1e-15);
}

TEST(explain, schedule_without_json_is_a_table) {
  const TempFolder folder;
  const Ran ran = gamut(
      {"explain", "schedule", empty_recipe(folder), "--set", "sampler.steps=2", "--set", "sampler.kind=ode"});
  EXPECT_EQ(ran.out,
            "step  sigma     next      dt         a          b          noise_std\n"
            "   0  1.000000  0.008929  -0.991071  +1.000000  -0.991071  0.000000\n"
            "   1  0.008929  0.000000  -0.008929  +1.000000  -0.008929  0.000000\n");
}

// Stable Diffusion 1.x's table by its definition, in double.
std::vector<double> expected_alpha_bars() {
  std::vector<double> table;
  double product = 1;
  for (int j = 0; j < 1000; ++j) {
    const double root = std::sqrt(0.00085) + (std::sqrt(0.012) - std::sqrt(0.00085)) * j / 999;
    table.push_back(product *= 1 - root * root);
  }
  return table;
}

// eta = 0.6, noise predicted: x0 = (x - sqrt(1-A) e)/sqrt(A), mean = sqrt(A') x0 + sqrt(1-A'-s^2) e.
TEST(explain, schedule_of_ddim_names_timesteps_and_alphas) {
  const std::vector<double> table = expected_alpha_bars();
  const json steps = schedule({"sampler.kind=ddim", "sampler.steps=20", "sampler.eta=0.6"});
  ASSERT_EQ(steps.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    const json& step = steps[size_t(i)];
    EXPECT_EQ(step.size(), 8u);
    EXPECT_EQ(step.at("index"), i);
    const int t = (19 - i) * 50 + 1, before = std::max(t - 50, 0);
    EXPECT_EQ(step.at("timestep"), t);
    EXPECT_EQ(step.at("timestep_prev"), before);
    const double now = table[size_t(t)], next = table[size_t(before)];
    const double s = 0.6 * std::sqrt((1 - next) / (1 - now) * (1 - now / next));
    // The program's table is built in fp32, as diffusers builds it: a thousand roundings.
    EXPECT_NEAR(step.at("alpha_bar").get<double>() / now, 1, 1e-5) << i;
    EXPECT_NEAR(step.at("alpha_bar_prev").get<double>() / next, 1, 1e-5) << i;
    EXPECT_NEAR(step.at("a").get<double>(), std::sqrt(next / now), 2e-5) << i;
    EXPECT_NEAR(step.at("b").get<double>(), std::sqrt(1 - next - s * s) - std::sqrt(next * (1 - now) / now),
                2e-4)
        << i;
    EXPECT_NEAR(step.at("noise_std").get<double>(), s, 2e-4) << i;
  }
}

TEST(explain, schedule_of_ddim_without_json_is_a_table) {
  const TempFolder folder;
  const Ran ran = gamut({"explain", "schedule", empty_recipe(folder), "--set", "sampler.steps=2", "--set",
                         "sampler.kind=ddim", "--set", "sampler.eta=0"});
  EXPECT_EQ(ran.out,
            "step  timestep  prev  alpha_bar  alpha_bar_prev  a          b          noise_std\n"
            "   0       501     1  0.274999   0.998296        +1.905304  -1.581030  0.000000\n"
            "   1         1     0  0.998296   0.999150        +1.000428  -0.012142  0.000000\n");
}

TEST(explain, schedule_shows_the_first_iterations_window) {
  const json steps = schedule({"sampler.window=2", "sampler.window_range=[3, 8]", "sampler.kind=cps"});
  ASSERT_EQ(steps.size(), 10u);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(steps[size_t(i)].at("noise_std").get<double>() > 0, i == 3 || i == 4) << i;
  const TempFolder folder;
  const Ran ran = gamut({"explain", "schedule", empty_recipe(folder), "--set", "sampler.window=11"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "error: [sampler] window must fit into the steps 0 to 9 (10 steps); got 11\n");
}

std::map<std::string, json> resolved(const std::vector<std::string>& args) {
  const Ran ran = gamut(args);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  std::map<std::string, json> fields;
  for (const json& row : json::parse(ran.out)) fields[row.at("key").get<std::string>()] = row;
  return fields;
}

TEST(explain, config_says_where_each_value_comes_from) {
  const TempFolder folder;
  write_raw(folder / "base.toml", "seed = 3\n[sampler]\nsteps = 5\n");
  write_raw(folder / "mine.toml", "extends = \"base.toml\"\n\n[sampler]\nshift = 2\n");
  const fs::path mine = folder / "mine.toml";
  const auto fields = resolved(
      {"explain", "config", mine.string(), "--json", "--set", "sampler.kind=ode", "--set", "iterations = 7"});
  auto is = [&](const std::string& key, const std::string& value, const std::string& origin) {
    ASSERT_TRUE(fields.contains(key)) << key;
    EXPECT_EQ(fields.at(key).at("value"), value) << key;
    EXPECT_EQ(fields.at(key).at("origin"), origin) << key;
  };
  is("seed", "3", (folder / "base.toml").string() + ":1");
  is("sampler.steps", "5", (folder / "base.toml").string() + ":3");
  is("sampler.shift", "2.0", mine.string() + ":4");
  is("sampler.kind", "\"ode\"", "--set #1");
  is("iterations", "7", "--set #2");
  is("device", "\"cpu\"", "default");
  is("advantage.kind", "\"batch_std\"", "algorithm flow_grpo");
  EXPECT_EQ(fields.at("sampler.steps").at("rule"), "1..1000");
}

TEST(explain, config_prints_one_line_per_key) {
  const TempFolder folder;
  const Ran ran = gamut({"explain", "config", empty_recipe(folder), "--set", "seed=9", "seed"});
  EXPECT_EQ(ran.out, "seed = 9   from --set #1   (>= 0, names every random stream of the run)\n");
  const Ran unknown = gamut({"explain", "config", empty_recipe(folder), "sampler.stpes"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err,
            "error: [config] no key begins with 'sampler.stpes'; did you mean 'sampler.steps'?\n");
}

TEST(explain, resolves_every_shipped_recipe) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / "recipes")) {
    if (entry.path().extension() != ".toml" || entry.path().parent_path().filename() == "sweeps") continue;
    const Ran ran = gamut({"explain", "config", entry.path().string(), "--json"});
    EXPECT_EQ(ran.code, 0) << entry.path() << ran.err;
    if (ran.code == 0) {
      EXPECT_GT(json::parse(ran.out).size(), 10u) << entry.path();
    }
    ++count;
  }
  EXPECT_GE(count, 3);
}

// Noise only where an iteration trains: two of steps 1 to 5, the others Euler's.
TEST(explain, schedule_of_flow_factory_has_two_noisy_steps) {
  const json noisy = schedule({"algorithm=flow_factory"}),
             ode = schedule({"algorithm=flow_factory", "sampler.kind=ode", "sampler.noise_on=all"});
  int with_noise = 0;
  for (size_t i = 0; i < noisy.size(); ++i) {
    const bool has = noisy[i].at("noise_std").get<double>() > 0;
    with_noise += has;
    if (has) {
      EXPECT_TRUE(i >= 1 && i <= 5) << i;
    } else {
      EXPECT_EQ(noisy[i], ode[i]) << i;
    }
  }
  EXPECT_EQ(with_noise, 2);
}

}  // namespace explain_test
}  // namespace gamut::testing
