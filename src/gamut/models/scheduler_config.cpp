// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/scheduler_config.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/python_json.h"
#include "gamut/models/json_config.h"

#include <nlohmann/json.hpp>

#include <set>

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

// Classes of diffusers whose own steps are another method than DDIM's or Euler's; their noise table is all
// that is read.
bool is_computed(const std::string& class_name) {
  return class_name == "DDIMScheduler" || class_name == "DDIMParallelScheduler" ||
         class_name == "EulerDiscreteScheduler";
}

// Why the class's own sampler is not computed; "" = it is.
std::string own_problem(JsonConfig& json, const std::string& class_name) {
  if (!is_computed(class_name)) return class_name;
  if (class_name != "EulerDiscreteScheduler") return "";
  for (const char* key : {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"})
    if (json.boolean(key, false)) return cat(class_name, " with ", key);
  if (json.string("interpolation_type", "linear") != "linear") return class_name + " with interpolation_type";
  if (json.string("timestep_type", "discrete") != "discrete") return class_name + " with timestep_type";
  if (json.string("final_sigmas_type", "zero") != "zero") return class_name + " with final_sigmas_type";
  if (json.has("sigma_min") || json.has("sigma_max")) return class_name + " with sigma_min or sigma_max";
  return "";
}

void read_table(JsonConfig& json, SchedulerConfig& config) {
  config.beta_start = json.number("beta_start", 0.0001);
  config.beta_end = json.number("beta_end", 0.02);
  expect_between(json, "beta_start", config.beta_start, 0, 0.999999);
  expect_between(json, "beta_end", config.beta_end, 0, 0.999999);
  config.trained_betas = json.numbers("trained_betas");
  if (!config.trained_betas.empty() && int64_t(config.trained_betas.size()) != config.num_train_timesteps)
    json.fail("trained_betas", cat("one number per training step, ", config.num_train_timesteps));
  for (const double beta : config.trained_betas)
    if (!(beta > 0 && beta < 1)) json.fail("trained_betas", "numbers between 0 and 1");
  config.beta_schedule = json.string("beta_schedule", "linear");
  if (config.trained_betas.empty() && config.beta_schedule != "linear" &&
      config.beta_schedule != "scaled_linear" && config.beta_schedule != "squaredcos_cap_v2") {
    json.fail("beta_schedule", "\"linear\", \"scaled_linear\" or \"squaredcos_cap_v2\"");
  }
  config.rescale_betas_zero_snr = json.boolean("rescale_betas_zero_snr", false);
  config.prediction_type = json.string("prediction_type", "epsilon");
  if (config.prediction_type != "epsilon" && config.prediction_type != "v_prediction" &&
      config.prediction_type != "sample") {
    json.fail("prediction_type", "\"epsilon\", \"v_prediction\" or \"sample\"");
  }
}

// As diffusers' DDIMScheduler.from_config reads the file of any class: what stands there, else DDIM's
// default. Three of those defaults say nothing about a class that has no such key, and are its own here: see
// below.
void read_diffusion(JsonConfig& json, SchedulerConfig& config) {
  const bool euler = config.class_name == "EulerDiscreteScheduler",
             pndm = config.class_name == "PNDMScheduler";
  read_table(json, config);
  config.timestep_spacing = json.string("timestep_spacing", "leading");
  if (config.timestep_spacing != "leading" && config.timestep_spacing != "linspace" &&
      config.timestep_spacing != "trailing") {
    json.fail("timestep_spacing", "\"leading\", \"linspace\" or \"trailing\"");
  }
  config.own_timestep_spacing = euler ? json.string("timestep_spacing", "linspace") : config.timestep_spacing;
  config.steps_offset = json.integer("steps_offset", 0);
  expect_between(json, "steps_offset", double(config.steps_offset), 0, double(config.num_train_timesteps));
  // Predicted pictures are clipped by DDIM and DDPM alone; latents are not pictures, and other classes never
  // clip.
  const bool clips = config.class_name.starts_with("DDIM") || config.class_name.starts_with("DDPM");
  config.clip_sample = json.boolean("clip_sample", clips);
  config.clip_sample_range = json.number("clip_sample_range", 1.0);
  if (!(config.clip_sample_range > 0)) json.fail("clip_sample_range", "a number above 0");
  config.set_alpha_to_one = json.boolean("set_alpha_to_one", !pndm);
  json.only("thresholding", false);
  config.own_problem = own_problem(json, config.class_name);
  // What other samplers are told.
  json.ignore({"algorithm_type",
               "corrector_order",
               "disable_corrector",
               "dynamic_thresholding_ratio",
               "eta",
               "euler_at_final",
               "final_sigmas_type",
               "flow_shift",
               "interpolation_type",
               "lambda_min_clipped",
               "lower_order_final",
               "original_inference_steps",
               "predict_x0",
               "predictor_order",
               "sample_max_value",
               "shift_terminal",
               "sigma_max",
               "sigma_min",
               "skip_prk_steps",
               "snr_shift_scale",
               "solver_order",
               "solver_p",
               "solver_type",
               "tau_func",
               "time_shift_type",
               "timestep_scaling",
               "timestep_type",
               "use_beta_sigmas",
               "use_dynamic_shifting",
               "use_exponential_sigmas",
               "use_karras_sigmas",
               "use_lu_lambdas",
               "variance_type"});
}

// Every class of diffusers that is made from betas, and whatever else names them.
bool carries_betas(const JsonConfig& json, const std::string& class_name) {
  static const std::set<std::string> kClasses{"DDIMInverseScheduler",
                                              "DDIMParallelScheduler",
                                              "DDIMScheduler",
                                              "DDPMParallelScheduler",
                                              "DDPMScheduler",
                                              "DEISMultistepScheduler",
                                              "DPMSolverMultistepInverseScheduler",
                                              "DPMSolverMultistepScheduler",
                                              "DPMSolverSDEScheduler",
                                              "DPMSolverSinglestepScheduler",
                                              "EulerAncestralDiscreteScheduler",
                                              "EulerDiscreteScheduler",
                                              "HeunDiscreteScheduler",
                                              "KDPM2AncestralDiscreteScheduler",
                                              "KDPM2DiscreteScheduler",
                                              "LCMScheduler",
                                              "LMSDiscreteScheduler",
                                              "PNDMScheduler",
                                              "SASolverScheduler",
                                              "TCDScheduler",
                                              "UniPCMultistepScheduler"};
  return kClasses.contains(class_name) || json.has("beta_schedule") || json.has("beta_start") ||
         json.has("trained_betas");
}

}  // namespace

SchedulerConfig load_scheduler_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "scheduler_config.json";
  // DPM-Solver's lambda_min_clipped is written as -Infinity.
  const std::string text =
      io::with_python_numbers(io::read_text(path), [](std::string_view) { return "null"; });
  JsonConfig json(io::parse_json(text, path.string()), path.string());
  SchedulerConfig config;
  config.class_name = json.string("_class_name", "");
  config.num_train_timesteps = json.positive("num_train_timesteps", 1000);
  expect_between(json, "num_train_timesteps", double(config.num_train_timesteps), 1, 1e6);
  if (config.is_flow()) {
    read_flow(json, config);
  } else if (carries_betas(json, config.class_name)) {
    read_diffusion(json, config);
  } else {
    json.fail("_class_name",
              "FlowMatchEulerDiscreteScheduler, or a class that has betas, such as DDIMScheduler");
  }
  json.finish();
  return config;
}

}  // namespace gamut::models
