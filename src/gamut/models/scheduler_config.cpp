// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/scheduler_config.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/models/json_config.h"

#include <nlohmann/json.hpp>

namespace gamut::models {
namespace {

void expect_between(const JsonConfig& json, const char* key, double value, double least, double most) {
  if (!(value >= least && value <= most)) json.fail(key, cat("a number from ", least, " to ", most));
}

void read_flow(JsonConfig& json, SchedulerConfig& config) {
  config.shift = json.number("shift", 1.0);
  expect_between(json, "shift", config.shift, 1e-6, 1e6);
  config.use_dynamic_shifting = json.boolean("use_dynamic_shifting", false);
  config.base_shift = json.number("base_shift", 0.5);
  config.max_shift = json.number("max_shift", 1.15);
  expect_between(json, "base_shift", config.base_shift, -20, 20);
  expect_between(json, "max_shift", config.max_shift, -20, 20);
  config.base_image_seq_len = json.positive("base_image_seq_len", 256);
  config.max_image_seq_len = json.positive("max_image_seq_len", 4096);
  for (const char* key : {"invert_sigmas", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
                          "stochastic_sampling"}) {
    json.only(key, false);
  }
  json.only("shift_terminal", nullptr);
  json.only("time_shift_type", "exponential");
}

// The defaults are those of the diffusers class, which writes every key; a hand-written file may omit some.
void read_diffusion(JsonConfig& json, SchedulerConfig& config) {
  const bool ddim = config.class_name == "DDIMScheduler",
             euler = config.class_name == "EulerDiscreteScheduler";
  config.beta_start = json.number("beta_start", 0.0001);
  config.beta_end = json.number("beta_end", 0.02);
  expect_between(json, "beta_start", config.beta_start, 0, 0.999999);
  expect_between(json, "beta_end", config.beta_end, 0, 0.999999);
  config.beta_schedule = json.string("beta_schedule", "linear");
  if (config.beta_schedule != "linear" && config.beta_schedule != "scaled_linear") {
    json.fail("beta_schedule", "\"linear\" or \"scaled_linear\"");
  }
  config.prediction_type = json.string("prediction_type", "epsilon");
  if (config.prediction_type != "epsilon" && config.prediction_type != "v_prediction") {
    json.fail("prediction_type", "\"epsilon\" or \"v_prediction\"");
  }
  config.timestep_spacing = json.string("timestep_spacing", euler ? "linspace" : "leading");
  if (config.timestep_spacing != "leading" && config.timestep_spacing != "linspace" &&
      config.timestep_spacing != "trailing") {
    json.fail("timestep_spacing", "\"leading\", \"linspace\" or \"trailing\"");
  }
  config.steps_offset = json.integer("steps_offset", 0);
  expect_between(json, "steps_offset", double(config.steps_offset), 0, double(config.num_train_timesteps));
  config.clip_sample = json.boolean("clip_sample", ddim);
  config.set_alpha_to_one = json.boolean("set_alpha_to_one", ddim);
  json.only("trained_betas", nullptr);
  json.only("thresholding", false);
  json.only("rescale_betas_zero_snr", false);
  for (const char* key : {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"}) {
    json.only(key, false);
  }
  json.only("interpolation_type", "linear");
  json.only("timestep_type", "discrete");
  json.only("final_sigmas_type", "zero");
  json.only("sigma_min", nullptr);
  json.only("sigma_max", nullptr);
  // They act together with options refused above, or on PNDM's own steps.
  json.ignore({"clip_sample_range", "dynamic_thresholding_ratio", "sample_max_value", "skip_prk_steps"});
}

}  // namespace

SchedulerConfig load_scheduler_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "scheduler_config.json";
  JsonConfig json(io::read_json(path), path.string());
  SchedulerConfig config;
  config.class_name = json.string("_class_name", "");
  config.num_train_timesteps = json.positive("num_train_timesteps", 1000);
  expect_between(json, "num_train_timesteps", double(config.num_train_timesteps), 1, 1e6);
  if (config.is_flow()) {
    read_flow(json, config);
  } else if (config.class_name == "DDIMScheduler" || config.class_name == "PNDMScheduler" ||
             config.class_name == "EulerDiscreteScheduler") {
    read_diffusion(json, config);
  } else {
    json.fail("_class_name",
              "FlowMatchEulerDiscreteScheduler, DDIMScheduler, PNDMScheduler or EulerDiscreteScheduler");
  }
  json.finish();
  return config;
}

}  // namespace gamut::models
