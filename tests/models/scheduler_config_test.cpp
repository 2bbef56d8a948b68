// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/scheduler_config.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace gamut::models {
namespace scheduler_config_test {

namespace fs = std::filesystem;

SchedulerConfig load(const nlohmann::json& json) {
  const fs::path folder = fs::temp_directory_path() / cat("gamut_scheduler_config_test_", getpid());
  fs::create_directories(folder);
  io::write_json(folder / "scheduler_config.json", json);
  return load_scheduler_config(folder);
}

// Without the place that opens it.
std::string message_of(const nlohmann::json& json) {
  try {
    load(json);
  } catch (const DataError& error) {
    const std::string text = error.what();
    return text.substr(text.find("] ") + 2);
  }
  return "no error";
}

TEST(scheduler_config, reads_a_flow_scheduler) {
  const SchedulerConfig config =
      load({{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"shift", 3.0}, {"shift_terminal", nullptr}});
  EXPECT_TRUE(config.is_flow());
  EXPECT_EQ(config.shift, 3.0);
  EXPECT_EQ(config.num_train_timesteps, 1000);
}

// scheduler_config.json of Stable Diffusion 1.5.
TEST(scheduler_config, reads_stable_diffusion) {
  const SchedulerConfig config = load({{"_class_name", "PNDMScheduler"},
                                       {"_diffusers_version", "0.6.0"},
                                       {"beta_end", 0.012},
                                       {"beta_schedule", "scaled_linear"},
                                       {"beta_start", 0.00085},
                                       {"num_train_timesteps", 1000},
                                       {"set_alpha_to_one", false},
                                       {"skip_prk_steps", true},
                                       {"steps_offset", 1},
                                       {"trained_betas", nullptr},
                                       {"clip_sample", false}});
  EXPECT_FALSE(config.is_flow());
  EXPECT_EQ(config.beta_schedule, "scaled_linear");
  EXPECT_EQ(config.steps_offset, 1);
  EXPECT_EQ(config.prediction_type, "epsilon");
  EXPECT_EQ(config.timestep_spacing, "leading");
}

TEST(scheduler_config, absent_keys_take_the_defaults_of_the_class) {
  const SchedulerConfig ddim = load({{"_class_name", "DDIMScheduler"}});
  EXPECT_TRUE(ddim.clip_sample);
  EXPECT_TRUE(ddim.set_alpha_to_one);
  EXPECT_EQ(ddim.beta_start, 0.0001);
  EXPECT_TRUE(load({{"_class_name", "DDPMScheduler"}}).clip_sample);
  const SchedulerConfig euler = load({{"_class_name", "EulerDiscreteScheduler"}});
  EXPECT_FALSE(euler.clip_sample);
  EXPECT_EQ(euler.own_timestep_spacing, "linspace");
  EXPECT_EQ(euler.timestep_spacing, "leading");  // of DDIM, which knows no other default
}

TEST(scheduler_config, names_the_sampler_that_gamut_lacks) {
  EXPECT_EQ(load({{"_class_name", "DDIMScheduler"}, {"use_karras_sigmas", true}}).own_problem, "");
  EXPECT_EQ(load({{"_class_name", "UniPCMultistepScheduler"}, {"solver_order", 2}}).own_problem,
            "UniPCMultistepScheduler");
  EXPECT_EQ(load({{"_class_name", "EulerDiscreteScheduler"}, {"use_exponential_sigmas", true}}).own_problem,
            "EulerDiscreteScheduler with use_exponential_sigmas");
  EXPECT_EQ(load({{"_class_name", "EulerDiscreteScheduler"}, {"use_karras_sigmas", false}}).own_problem, "");
}

TEST(scheduler_config, refuses_what_it_does_not_compute) {
  EXPECT_EQ(message_of({{"_class_name", "EDMEulerScheduler"}, {"sigma_min", 0.002}}),
            "option '_class_name' has a value that is not supported; got \"EDMEulerScheduler\"; expected "
            "FlowMatchEulerDiscreteScheduler, or a class that has betas, such as DDIMScheduler");
  EXPECT_EQ(message_of({{"_class_name", "DDIMScheduler"}, {"beta_schedule", "sigmoid"}}),
            "option 'beta_schedule' has a value that is not supported; got \"sigmoid\"; expected \"linear\", "
            "\"scaled_linear\" or \"squaredcos_cap_v2\"");
  EXPECT_EQ(message_of({{"_class_name", "UniPCMultistepScheduler"}, {"prediction_type", "flow_prediction"}}),
            "option 'prediction_type' has a value that is not supported; got \"flow_prediction\"; expected "
            "\"epsilon\", "
            "\"v_prediction\" or \"sample\"");
  EXPECT_EQ(
      message_of(
          {{"_class_name", "DDIMScheduler"}, {"num_train_timesteps", 3}, {"trained_betas", {0.1, 0.2}}}),
      "option 'trained_betas' has a value that is not supported; got [0.1,0.2]; expected one number per "
      "training "
      "step, 3");
  EXPECT_EQ(message_of({{"_class_name", "DDIMScheduler"}, {"thresholding", true}}),
            "option 'thresholding' has a value that is not supported; got true; expected false, the only one "
            "supported");
  EXPECT_EQ(message_of({{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"shfit", 2.0}}),
            "option 'shfit' is unknown; got 2.0; did you mean 'shift'?");
  EXPECT_EQ(
      message_of({{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"use_karras_sigmas", true}}),
      "option 'use_karras_sigmas' has a value that is not supported; got true; expected false, the only one "
      "supported");
}

}  // namespace scheduler_config_test
}  // namespace gamut::models
