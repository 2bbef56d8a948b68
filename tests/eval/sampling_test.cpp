// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/sampling.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/step.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/threads.h"
#include "support/tiny_model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gamut::eval {
namespace sampling_test {

using testing::TempFolder;
const std::vector<std::string> kPrompts{"the digit 7", "the letter k", "k"};

models::Pipeline tiny(const TempFolder& folder, double shift = 1) {
  return models::Pipeline::create(testing::write_tiny_model(folder.path(), shift), 5, {});
}

SamplingOptions options(int64_t members, int64_t micro_batch) {
  return {.schedule = diffusion::ode_schedule({1, 0.7, 0.3, 0}),
          .noise = {.seed = 8, .purpose = "eval"},
          .members = members,
          .micro_batch = micro_batch};
}

at::Tensor sample(const models::Pipeline& pipe, const SamplingOptions& how) {
  return sample_latents(pipe, kPrompts, sampling_noise(pipe, int64_t(kPrompts.size()), how), how);
}

TEST(sampling, the_models_scheduler_gives_the_levels) {
  const TempFolder folder;
  const std::vector<double> sigmas = scheduler_sigmas(tiny(folder, 3), 10);
  const std::vector<double> expected{1,       .960129, .913349, .857692, .790368, .707278,
                                     .602151, .464876, .278049, .008929, 0};  // Stable Diffusion 3.5's
  ASSERT_EQ(sigmas.size(), expected.size());
  for (size_t i = 0; i < sigmas.size(); ++i) EXPECT_NEAR(sigmas[i], expected[i], 5.1e-7);
}

// FLUX: mu grows linearly from 0.5 at 256 tokens to 1.15 at 4096; 4x4 latents are four tokens of 2x2.
TEST(sampling, dynamic_shifting_follows_the_number_of_tokens) {
  const TempFolder folder;
  testing::write_tiny_model(folder.path());
  io::write_json(folder / "scheduler/scheduler_config.json",
                 {{"_class_name", "FlowMatchEulerDiscreteScheduler"},
                  {"num_train_timesteps", 1000},
                  {"shift", 3.0},
                  {"base_shift", 0.5},
                  {"max_shift", 1.15},
                  {"base_image_seq_len", 256},
                  {"max_image_seq_len", 4096},
                  {"use_dynamic_shifting", true}});
  const std::vector<double> sigmas = scheduler_sigmas(models::Pipeline::create(folder.path(), 5, {}), 4);
  const double mu = 0.5 + (1.15 - 0.5) / (4096 - 256) * (4 - 256);
  ASSERT_EQ(sigmas.size(), 5u);
  for (int64_t i = 0; i < 4; ++i) {
    const double u = 1 - double(i) / 4;
    EXPECT_NEAR(sigmas[size_t(i)], std::exp(mu) / (std::exp(mu) + 1 / u - 1), 1e-12);
  }
}

// A tiny model with another scheduler than its own.
models::Pipeline with_scheduler_text(const TempFolder& folder, const std::string& config) {
  testing::write_tiny_model(folder.path());
  io::write_atomically(folder / "scheduler/scheduler_config.json", config);
  return models::Pipeline::create(folder.path(), 5, {});
}

models::Pipeline with_scheduler(const TempFolder& folder, const nlohmann::json& config) {
  return with_scheduler_text(folder, config.dump());
}

nlohmann::json stable_diffusion_1(const std::string& class_name) {
  return {{"_class_name", class_name}, {"num_train_timesteps", 1000},      {"beta_start", 0.00085},
          {"beta_end", 0.012},         {"beta_schedule", "scaled_linear"}, {"clip_sample", false},
          {"steps_offset", 1},         {"prediction_type", "epsilon"},     {"set_alpha_to_one", false}};
}

TEST(sampling, flow_models_are_sampled_by_euler_steps) {
  const TempFolder folder;
  const models::Pipeline pipe = tiny(folder, 3);
  const std::vector<diffusion::Step> got = deterministic_schedule(pipe, 10),
                                     expected = diffusion::ode_schedule(scheduler_sigmas(pipe, 10));
  ASSERT_EQ(got.size(), 10u);
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].sigma, expected[i].sigma);
    EXPECT_EQ(got[i].b, expected[i].dt);
    EXPECT_EQ(got[i].model_time, 1000 * expected[i].sigma);
  }
}

TEST(sampling, diffusion_models_are_sampled_by_ddim_without_noise) {
  for (const char* class_name : {"DDIMScheduler", "PNDMScheduler"}) {
    const TempFolder folder;
    const models::Pipeline pipe = with_scheduler(folder, stable_diffusion_1(class_name));
    const std::vector<diffusion::Step> got = deterministic_schedule(pipe, 20),
                                       expected =
                                           diffusion::make_schedule({.kind = "ddim", .steps = 20, .eta = 0});
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

TEST(sampling, the_schedulers_own_table_and_prediction_are_used) {
  const TempFolder folder;
  nlohmann::json config = stable_diffusion_1("DDIMScheduler");
  config["beta_start"] = 0.0001;
  config["beta_end"] = 0.02;
  config["beta_schedule"] = "linear";
  config["prediction_type"] = "v_prediction";
  config["timestep_spacing"] = "trailing";
  const std::vector<diffusion::Step> got = deterministic_schedule(with_scheduler(folder, config), 4);
  const std::vector<int64_t> timesteps{999, 749, 499, 249};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(got[i].timestep, timesteps[i]);
    EXPECT_NEAR(got[i].clean_x, std::sqrt(got[i].alpha_bar), 1e-15);  // v: x0 = sqrt(ab) x - sqrt(1 - ab) v
  }
  EXPECT_NEAR(got[0].alpha_bar, 4.0358e-5, 1e-9);  // the table of DDPM (arXiv 2006.11239)
}

TEST(sampling, other_schedulers_are_refused) {
  const TempFolder folder;
  const models::Pipeline pipe = with_scheduler(folder, stable_diffusion_1("DDIMScheduler"));
  EXPECT_EQ(testing::message_of<DataError>([&] { scheduler_sigmas(pipe, 4); }),
            "[model] only a flow-matching scheduler has noise levels from 1 to 0; got DDIMScheduler; expected "
            "FlowMatchEulerDiscreteScheduler");
}

// diffusers' DDIMScheduler.from_config on the files of all its classes (generators/ddim_from_config.py). Both are affine
// maps with double coefficients; gamut's act on fp32.
TEST(sampling, any_class_with_betas_is_stepped_as_diffusers_steps_it) {
  const nlohmann::json cases =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/eval/fixtures/ddim_from_config.json");
  ASSERT_EQ(cases.size(), 43u);
  for (const nlohmann::json& one : cases) {
    const TempFolder folder;
    const models::Pipeline pipe = with_scheduler_text(folder, one["config"].get<std::string>());
    const int64_t count = int64_t(one["timesteps"].size());
    for (size_t r = 0; r < one["rows"].size(); ++r) {
      const nlohmann::json& row = one["rows"][r];
      const diffusion::Step step = ddim_schedule(pipe, count, row[0].get<double>())[r % size_t(count)];
      EXPECT_EQ(step.timestep, one["timesteps"][r % size_t(count)]) << one["config"];
      const auto values = [&](size_t k) {
        return at::tensor(row[k].get<std::vector<double>>()).to(at::kFloat).view({1, 1, 1, 3});
      };
      const at::Tensor next = diffusion::step_mean(step, values(1), values(2)) + values(3) * step.noise_std,
                       clean = diffusion::predicted_clean(step, values(1), values(2));
      EXPECT_TRUE(at::allclose(next, values(4), 1e-5, 2e-6)) << one["config"] << "\n" << next << values(4);
      EXPECT_TRUE(at::allclose(clean, values(5), 1e-5, 2e-6)) << one["config"] << "\n" << clean << values(5);
    }
  }
}

TEST(sampling, a_sampler_that_gamut_lacks_is_refused_only_when_it_is_asked_for) {
  nlohmann::json karras = stable_diffusion_1("EulerDiscreteScheduler");
  karras["use_karras_sigmas"] = true;
  const std::pair<nlohmann::json, std::string> cases[] = {
      {karras, "EulerDiscreteScheduler with use_karras_sigmas"},
      {stable_diffusion_1("DPMSolverMultistepScheduler"), "DPMSolverMultistepScheduler"},
      {stable_diffusion_1("PNDMScheduler"), "PNDMScheduler"}};
  for (const auto& [config, name] : cases) {
    const TempFolder folder;
    const models::Pipeline pipe = with_scheduler(folder, config);
    EXPECT_EQ(deterministic_schedule(pipe, 4).size(), 4u);
    EXPECT_EQ(testing::message_of<DataError>([&] { own_schedule(pipe, 4); }),
              "[model] the model's own sampler is not computed; got " + name +
                  "; use --sampler ddim, which steps on the same noise table");
  }
}

TEST(sampling, predicted_noise_says_nothing_where_there_is_no_signal) {
  const TempFolder folder;
  nlohmann::json config = stable_diffusion_1("DDIMScheduler");
  config["rescale_betas_zero_snr"] = true;
  config["timestep_spacing"] = "trailing";
  const models::Pipeline pipe = with_scheduler(folder, config);
  EXPECT_NE(testing::message_of<ConfigError>([&] { ddim_schedule(pipe, 4, 0); }).find("got prediction = \"epsilon\""),
            std::string::npos);
}

TEST(sampling, noise_belongs_to_prompt_and_member) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = tiny(folder);
  const at::Tensor few = sampling_noise(pipe, 3, options(2, 4)),
                   many = sampling_noise(pipe, 3, options(5, 4));
  ASSERT_EQ(few.sizes(), at::IntArrayRef({6, 12, 4, 4}));
  for (int64_t p = 0; p < 3; ++p) {
    EXPECT_TRUE(at::equal(few.narrow(0, 2 * p, 2), many.narrow(0, 5 * p, 2))) << p;
    const diffusion::SampleKey key{.epoch = 0, .prompt = p, .member = 1};
    EXPECT_TRUE(at::equal(few.narrow(0, 2 * p + 1, 1),
                          diffusion::initial_noise({.seed = 8, .purpose = "eval"}, {key}, {12, 4, 4})));
  }
}

// Kernels may treat rows differently by the size of their batch: a few roundings after three steps.
TEST(sampling, latents_do_not_depend_on_the_micro_batch) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = tiny(folder);
  const at::Tensor whole = sample(pipe, options(3, 64));
  ASSERT_EQ(whole.sizes(), at::IntArrayRef({9, 12, 4, 4}));
  for (const int64_t size : {1, 2, 4, 9})
    EXPECT_LT((sample(pipe, options(3, size)) - whole).abs().max().item<double>(), 5e-6) << size;
  EXPECT_TRUE(at::equal(sample(pipe, options(3, 64)), whole));
}

// The same by hand for one picture: Euler steps on the pipeline's own predictions, guided.
TEST(sampling, latents_are_euler_steps_under_guidance) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = tiny(folder);
  SamplingOptions how = options(1, 1);
  how.guidance_scale = 2.5;
  at::Tensor x = sampling_noise(pipe, 3, how).narrow(0, 1, 1);
  const models::Conditioning asked = pipe.encode({kPrompts[1]}), empty = pipe.encode({""});
  for (const auto& [sigma, next] : {std::pair{1.0, 0.7}, {0.7, 0.3}, {0.3, 0.0}}) {
    const at::Tensor with = pipe.predict(x, 1000 * sigma, asked),
                     without = pipe.predict(x, 1000 * sigma, empty);
    x = (x + (next - sigma) * (without + 2.5 * (with - without))).detach();
  }
  EXPECT_LT((sample(pipe, how).narrow(0, 1, 1) - x).abs().max().item<double>(), 5e-6);
}

// The network of a diffusion model receives integer timesteps, and its output is taken as noise.
TEST(sampling, latents_are_ddim_steps_on_a_diffusion_model) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = with_scheduler(folder, stable_diffusion_1("DDIMScheduler"));
  SamplingOptions how = options(1, 3);
  how.schedule = deterministic_schedule(pipe, 4);
  at::Tensor x = sampling_noise(pipe, 3, how);
  const models::Conditioning asked = pipe.encode(kPrompts);
  const std::vector<double> table = diffusion::alpha_bars({});
  for (const int64_t t : {751, 501, 251, 1}) {
    const double now = table[size_t(t)], next = table[size_t(std::max<int64_t>(t - 250, 0))];
    const at::Tensor noise = pipe.predict(x, double(t), asked).detach();
    const at::Tensor clean = (x - std::sqrt(1 - now) * noise) / std::sqrt(now);
    x = std::sqrt(next) * clean + std::sqrt(1 - next) * noise;
  }
  EXPECT_LT((sample(pipe, how) - x).abs().max().item<double>(), 2e-5);
}

}  // namespace sampling_test
}  // namespace gamut::eval
