// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/noise_process.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/step.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace gamut::diffusion {
namespace noise_process_test {

models::SchedulerConfig scheduler_of(const std::string& text) {
  const testing::TempFolder folder;
  io::write_atomically(folder / "scheduler_config.json", text);
  return models::load_scheduler_config(folder.path());
}

models::SchedulerConfig flow(double shift) {
  return scheduler_of(
      nlohmann::json({{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"shift", shift}}).dump());
}

// FLUX.1-dev's.
models::SchedulerConfig dynamic() {
  return scheduler_of(nlohmann::json({{"_class_name", "FlowMatchEulerDiscreteScheduler"},
                                      {"shift", 3.0},
                                      {"base_shift", 0.5},
                                      {"max_shift", 1.15},
                                      {"base_image_seq_len", 256},
                                      {"max_image_seq_len", 4096},
                                      {"use_dynamic_shifting", true}})
                          .dump());
}

nlohmann::json stable_diffusion_1(const std::string& class_name) {
  return {{"_class_name", class_name}, {"num_train_timesteps", 1000},      {"beta_start", 0.00085},
          {"beta_end", 0.012},         {"beta_schedule", "scaled_linear"}, {"clip_sample", false},
          {"steps_offset", 1},         {"prediction_type", "epsilon"},     {"set_alpha_to_one", false}};
}

// Unlike Stable Diffusion's in all that a recipe can name.
models::SchedulerConfig other_ddim() {
  nlohmann::json config = stable_diffusion_1("DDIMScheduler");
  config.update({{"beta_start", 0.0001},
                 {"beta_end", 0.02},
                 {"beta_schedule", "linear"},
                 {"steps_offset", 0},
                 {"set_alpha_to_one", true},
                 {"prediction_type", "v_prediction"},
                 {"timestep_spacing", "trailing"},
                 {"num_train_timesteps", 500}});
  return scheduler_of(config.dump());
}

const std::vector<int64_t> kSquare{16, 64, 64}, kWide{16, 64, 96};

SamplerConfig sampler(const std::string& kind, int64_t steps) {
  SamplerConfig config;
  config.kind = kind;
  config.steps = steps;
  return config;
}

// A recipe that says nothing of levels trains on the model's, which evaluation draws from.
TEST(noise_process, training_and_evaluation_share_their_levels) {
  const std::tuple<const char*, models::SchedulerConfig, const char*> models[] = {
      {"static", flow(1.7), "flow_sde"}, {"dynamic", dynamic(), "flow_sde"}, {"ddim", other_ddim(), "ddim"}};
  for (const auto& [name, scheduler, kind] : models) {
    std::vector<std::vector<double>> seen;
    for (const std::vector<int64_t>& shape : {kSquare, kWide}) {
      const NoiseProcess process(scheduler, shape, sampler(kind, 10));
      const std::vector<Step> trained = process.steps(), evaluated = process.deterministic(10);
      ASSERT_EQ(trained.size(), evaluated.size());
      std::vector<double>& levels = seen.emplace_back();
      for (size_t i = 0; i < trained.size(); ++i) {
        EXPECT_EQ(trained[i].sigma, evaluated[i].sigma) << name << " " << i;
        EXPECT_EQ(trained[i].sigma_next, evaluated[i].sigma_next) << name << " " << i;
        EXPECT_EQ(trained[i].model_time, evaluated[i].model_time) << name << " " << i;
        EXPECT_EQ(trained[i].alpha_bar, evaluated[i].alpha_bar) << name << " " << i;
        EXPECT_EQ(trained[i].clean_x, evaluated[i].clean_x) << name << " " << i;
        levels.push_back(trained[i].sigma);
      }
    }
    EXPECT_EQ(seen[0] == seen[1], std::string(name) != "dynamic") << name;
  }
}

TEST(noise_process, the_models_scheduler_gives_the_levels) {
  const std::vector<double> sigmas = NoiseProcess(flow(3), kSquare).sigmas(10);
  const std::vector<double> expected{1,       .960129, .913349, .857692, .790368, .707278,
                                     .602151, .464876, .278049, .008929, 0};  // Stable Diffusion 3.5's
  ASSERT_EQ(sigmas.size(), expected.size());
  for (size_t i = 0; i < sigmas.size(); ++i) EXPECT_NEAR(sigmas[i], expected[i], 5.1e-7);
}

void expect_shifted(const std::vector<double>& sigmas, double mu) {
  const size_t steps = sigmas.size() - 1;
  for (size_t i = 0; i < steps; ++i) {
    const double u = 1 - double(i) / double(steps);
    EXPECT_NEAR(sigmas[i], std::exp(mu) / (std::exp(mu) + 1 / u - 1), 1e-12);
  }
  EXPECT_EQ(sigmas.back(), 0);
}

// FLUX: mu grows linearly from 0.5 at 256 tokens to 1.15 at 4096; 64x64 latents are 1024 tokens of 2x2,
// 512x512 pixels.
TEST(noise_process, dynamic_shifting_follows_the_number_of_tokens) {
  const double slope = (1.15 - 0.5) / (4096 - 256);
  EXPECT_NEAR(0.5 + slope * (1024 - 256), 0.63, 1e-12);
  expect_shifted(NoiseProcess(dynamic(), kSquare).sigmas(4), 0.63);
  expect_shifted(NoiseProcess(dynamic(), kWide).sigmas(6), 0.5 + slope * (32 * 48 - 256));
}

// FLUX.1-schnell's pipeline spaces its levels itself: 1, 3/4, 1/2, 1/4 with a shift of 1.
TEST(noise_process, a_family_may_space_its_levels_evenly) {
  models::SchedulerConfig even = flow(1);
  even.even_levels = true;
  EXPECT_EQ(NoiseProcess(even, kSquare).sigmas(4), (std::vector<double>{1, 0.75, 0.5, 0.25, 0}));
  SamplerConfig recipe = sampler("flow_sde", 4);
  recipe.shift = 3;
  EXPECT_EQ(NoiseProcess(even, kSquare, recipe).steps()[1].sigma, 0.75);
}

std::vector<double> levels(const NoiseProcess& process) {
  std::vector<double> out;
  for (const Step& step : process.steps()) out.push_back(step.sigma);
  out.push_back(0);
  return out;
}

TEST(noise_process, what_the_recipe_says_of_levels_holds) {
  SamplerConfig recipe = sampler("flow_sde", 4);
  recipe.shift = 2;
  EXPECT_EQ(levels({flow(3), kSquare, recipe}),
            make_sigmas({.kind = "sd3_diffusers", .steps = 4, .shift = 2}));
  expect_shifted(levels({dynamic(), kSquare, recipe}), 0.63);  // a static shift says nothing to a dynamic one
  recipe.shift = 0;
  recipe.mu = 1.15;
  EXPECT_EQ(levels({dynamic(), kSquare, recipe}),
            make_sigmas({.kind = "flux_dynamic", .steps = 4, .mu = 1.15}));
  recipe.mu = 0;
  recipe.grid = "dance";
  EXPECT_EQ(levels({flow(1), kSquare, recipe}), make_sigmas({.kind = "dance", .steps = 4, .shift = 3}));
  recipe.grid = "flux_dynamic";
  expect_shifted(levels({dynamic(), kSquare, recipe}), 0.63);
  EXPECT_EQ(levels({flow(1), kSquare, recipe}),
            make_sigmas({.kind = "flux_dynamic", .steps = 4, .mu = 1.15}));
}

TEST(noise_process, an_iterations_window_lies_on_the_models_levels) {
  SamplerConfig recipe = sampler("cps", 6);
  recipe.window = 2;
  recipe.window_kind = "random";
  const NoiseProcess process(dynamic(), kWide, recipe);
  const std::vector<Step> drawn = process.iteration(7, 3), whole = process.steps();
  int64_t noisy = 0;
  for (size_t i = 0; i < drawn.size(); ++i) {
    EXPECT_EQ(drawn[i].sigma, process.sigmas(6)[i]);
    noisy += drawn[i].noise_std > 0;
    EXPECT_TRUE(drawn[i].noise_std == 0 || drawn[i].noise_std == whole[i].noise_std);
  }
  EXPECT_EQ(noisy, 2);
}

TEST(noise_process, flow_models_are_sampled_by_euler_steps) {
  const NoiseProcess process(flow(3), kSquare);
  const std::vector<Step> got = process.deterministic(10), expected = ode_schedule(process.sigmas(10));
  ASSERT_EQ(got.size(), 10u);
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].sigma, expected[i].sigma);
    EXPECT_EQ(got[i].b, expected[i].dt);
    EXPECT_EQ(got[i].model_time, 1000 * expected[i].sigma);
  }
}

TEST(noise_process, diffusion_models_are_sampled_by_ddim_without_noise) {
  for (const char* class_name : {"DDIMScheduler", "PNDMScheduler"}) {
    const NoiseProcess process(scheduler_of(stable_diffusion_1(class_name).dump()), {4, 8, 8});
    const std::vector<Step> got = process.deterministic(20),
                            expected = make_schedule({.kind = "ddim", .steps = 20, .eta = 0});
    ASSERT_EQ(got.size(), 20u);
    EXPECT_EQ(got[0].timestep, 951);
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].model_time, double(expected[i].timestep));
      EXPECT_EQ(got[i].a, expected[i].a);
      EXPECT_EQ(got[i].b, expected[i].b);
      EXPECT_EQ(got[i].noise_std, 0);
    }
  }
}

TEST(noise_process, the_schedulers_own_table_and_prediction_are_used) {
  nlohmann::json config = stable_diffusion_1("DDIMScheduler");
  config.update({{"beta_start", 0.0001}, {"beta_end", 0.02}, {"beta_schedule", "linear"}});
  config.update({{"prediction_type", "v_prediction"}, {"timestep_spacing", "trailing"}});
  const std::vector<Step> got = NoiseProcess(scheduler_of(config.dump()), {4, 8, 8}).deterministic(4);
  const std::vector<int64_t> timesteps{999, 749, 499, 249};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(got[i].timestep, timesteps[i]);
    EXPECT_NEAR(got[i].clean_x, std::sqrt(got[i].alpha_bar), 1e-15);  // v: x0 = sqrt(ab) x - sqrt(1 - ab) v
  }
  EXPECT_NEAR(got[0].alpha_bar, 4.0358e-5, 1e-9);  // the table of DDPM (arXiv 2006.11239)
}

TEST(noise_process, other_schedulers_are_refused) {
  const NoiseProcess process(scheduler_of(stable_diffusion_1("DDIMScheduler").dump()), {4, 8, 8});
  EXPECT_EQ(
      testing::message_of<DataError>([&] { process.sigmas(4); }),
      "[model] only a flow-matching scheduler has noise levels from 1 to 0; got DDIMScheduler; expected "
      "FlowMatchEulerDiscreteScheduler");
  EXPECT_EQ(testing::message_of<DataError>([&] { NoiseProcess(flow(1), kSquare).ddim(4, 0); }),
            "[model] DDIM samples diffusion models; got FlowMatchEulerDiscreteScheduler; expected a "
            "scheduler with betas, "
            "such as DDIMScheduler");
}

// One row of a case of ddim_from_config.json: a step by `steps` is diffusers' step.
void expect_row(const nlohmann::json& one, size_t r, const std::vector<Step>& steps) {
  const nlohmann::json& row = one["rows"][r];
  const Step& step = steps[r % steps.size()];
  EXPECT_EQ(step.timestep, one["timesteps"][r % steps.size()]) << one["config"];
  const auto values = [&](size_t k) {
    return at::tensor(row[k].get<std::vector<double>>()).to(at::kFloat).view({1, 1, 1, 3});
  };
  const at::Tensor next = step_mean(step, values(1), values(2)) + values(3) * step.noise_std,
                   clean = predicted_clean(step, values(1), values(2));
  // Rescaled tables subtract square roots that are nearly equal, and LibTorch's last bit of a root differs by
  // CPU: diffusers' own numbers of these cases move by 1.4e-5 between an AMD and an Intel machine.
  const bool rescaled = one["config"].get<std::string>().find("zero_snr\": true") != std::string::npos;
  const double slack = rescaled ? 5 : 1;
  EXPECT_TRUE(at::allclose(next, values(4), slack * 1e-5, slack * 2e-6)) << one["config"] << "\n"
                                                                         << next << values(4);
  EXPECT_TRUE(at::allclose(clean, values(5), slack * 1e-5, slack * 2e-6)) << one["config"] << "\n"
                                                                          << clean << values(5);
}

// diffusers' DDIMScheduler.from_config on the files of all its classes (generators/ddim_from_config.py), in
// evaluation and, by a recipe that says nothing of tables, in training. Both are affine maps with double
// coefficients; gamut's act on fp32.
TEST(noise_process, any_class_with_betas_is_stepped_as_diffusers_steps_it) {
  const nlohmann::json cases =
      io::read_json(GAMUT_SOURCE_DIR "/tests/diffusion/fixtures/ddim_from_config.json");
  ASSERT_EQ(cases.size(), 43u);
  for (const nlohmann::json& one : cases) {
    const models::SchedulerConfig scheduler = scheduler_of(one["config"].get<std::string>());
    const int64_t count = int64_t(one["timesteps"].size());
    for (size_t r = 0; r < one["rows"].size(); ++r) {
      SamplerConfig recipe = sampler("ddim", count);
      recipe.eta = one["rows"][r][0].get<double>();
      const NoiseProcess process(scheduler, {4, 8, 8}, recipe);
      expect_row(one, r, process.ddim(count, recipe.eta));
      expect_row(one, r, process.steps());
    }
  }
}

TEST(noise_process, a_sampler_that_gamut_lacks_is_refused_only_when_it_is_asked_for) {
  nlohmann::json karras = stable_diffusion_1("EulerDiscreteScheduler");
  karras["use_karras_sigmas"] = true;
  const std::pair<nlohmann::json, std::string> cases[] = {
      {karras, "EulerDiscreteScheduler with use_karras_sigmas"},
      {stable_diffusion_1("DPMSolverMultistepScheduler"), "DPMSolverMultistepScheduler"},
      {stable_diffusion_1("PNDMScheduler"), "PNDMScheduler"}};
  for (const auto& [config, name] : cases) {
    const NoiseProcess process(scheduler_of(config.dump()), {4, 8, 8});
    EXPECT_EQ(process.deterministic(4).size(), 4u);
    EXPECT_EQ(testing::message_of<DataError>([&] { process.own(4); }),
              "[model] the model's own sampler is not computed; got " + name +
                  "; use --sampler ddim, which steps on the same noise table");
  }
}

TEST(noise_process, predicted_noise_says_nothing_where_there_is_no_signal) {
  nlohmann::json config = stable_diffusion_1("DDIMScheduler");
  config["rescale_betas_zero_snr"] = true;
  config["timestep_spacing"] = "trailing";
  const NoiseProcess process(scheduler_of(config.dump()), {4, 8, 8});
  EXPECT_NE(
      testing::message_of<ConfigError>([&] { process.ddim(4, 0); }).find("got prediction = \"epsilon\""),
      std::string::npos);
}

TEST(noise_process, a_recipe_for_another_model_is_refused) {
  EXPECT_EQ(testing::message_of<ConfigError>([] { check_fits(sampler("ddim", 4), flow(1)); }),
            "[sampler] sampler.kind = \"ddim\" does not fit the model's FlowMatchEulerDiscreteScheduler; use "
            "flow_sde, "
            "dance_sde or cps");
  SamplerConfig recipe = sampler("ddim", 4);
  EXPECT_NO_THROW(check_fits(recipe, other_ddim()));
  recipe.alphas.beta_end = 0.02;
  EXPECT_NO_THROW(check_fits(recipe, other_ddim()));
  recipe.alphas.beta_end = 0.012;
  EXPECT_EQ(testing::message_of<ConfigError>([&] { check_fits(recipe, other_ddim()); }),
            "[sampler] sampler.beta_start, beta_end, beta_schedule, prediction and train_timesteps must be "
            "the model's: "
            "0.0001, 0.02, linear, v_prediction, 500");
}

// The network's answer, were it perfect, leads back to the clean latent by the step of that time.
TEST(noise_process, noise_is_added_as_the_steps_take_it_away) {
  const at::Tensor clean = at::randn({2, 3, 4, 4}), noise = at::randn({2, 3, 4, 4});
  for (const models::SchedulerConfig& scheduler :
       {flow(3), other_ddim(), scheduler_of(stable_diffusion_1("DDIMScheduler").dump())}) {
    const NoiseProcess process(scheduler, {3, 4, 4}, sampler(scheduler.is_flow() ? "ode" : "ddim", 5));
    for (const Step& step : process.steps()) {
      const at::Tensor time =
          scheduler.is_flow() ? at::full({2}, step.sigma) : at::full({2}, step.timestep, at::kLong);
      const at::Tensor x = process.add_noise(clean, noise, time), out = process.target(clean, noise, time);
      EXPECT_TRUE(at::allclose(predicted_clean(step, x, out), clean, 1e-3, 1e-4)) << step.index;
      EXPECT_NEAR(process.model_time(time)[0].item<double>(), step.model_time, 1e-4);
    }
  }
}

// Pretraining mixes tensors in fp32, objectives on the forward process numbers in double precision.
TEST(noise_process, mixes_as_the_forward_process) {
  for (const models::SchedulerConfig& scheduler :
       {flow(3), other_ddim(), scheduler_of(stable_diffusion_1("DDIMScheduler").dump())}) {
    const NoiseProcess process(scheduler, {3, 4, 4}, sampler(scheduler.is_flow() ? "ode" : "ddim", 5));
    const ForwardProcess forward(process.sampler());
    for (const Step& step : process.steps()) {
      const ForwardPoint point = forward.at(forward.time_of(step), process.steps());
      const at::Tensor time =
          scheduler.is_flow() ? at::full({1}, step.sigma) : at::full({1}, step.timestep, at::kLong);
      const at::Tensor one = at::ones({1, 1}), none = at::zeros({1, 1});
      const auto number = [](const at::Tensor& tensor) { return tensor.item<double>(); };
      EXPECT_NEAR(number(process.add_noise(one, none, time)), point.signal, 1e-6);
      EXPECT_NEAR(number(process.add_noise(none, one, time)), point.noise, 1e-6);
      EXPECT_NEAR(number(process.target(one, none, time)), point.target_clean, 1e-6);
      EXPECT_NEAR(number(process.target(none, one, time)), point.target_noise, 1e-6);
      EXPECT_NEAR(number(process.model_time(time)), point.model_time, 1e-4);
    }
  }
}

}  // namespace noise_process_test
}  // namespace gamut::diffusion
