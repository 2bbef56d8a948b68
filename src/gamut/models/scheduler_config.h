// SPDX-License-Identifier: Apache-2.0
// scheduler/scheduler_config.json as diffusers writes it: FlowMatchEulerDiscreteScheduler, or any class that
// has betas. Of the latter gamut steps by DDIM, equal to diffusers' DDIMScheduler.from_config, whichever the
// class.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gamut::models {

struct SchedulerConfig {
  std::string class_name = "FlowMatchEulerDiscreteScheduler";
  int64_t num_train_timesteps = 1000;
  // flow matching
  double shift = 1.0;
  bool use_dynamic_shifting = false;
  double base_shift = 0.5, max_shift = 1.15;
  int64_t base_image_seq_len = 256, max_image_seq_len = 4096;
  bool even_levels = false;  // of the family, not of the file: levels before the shift end at 1/n (FLUX)
  // diffusion
  double beta_start = 0.00085, beta_end = 0.012;
  std::string beta_schedule = "scaled_linear", prediction_type = "epsilon", timestep_spacing = "leading";
  int64_t steps_offset = 1;
  bool clip_sample = false, set_alpha_to_one = false, rescale_betas_zero_snr = false;
  double clip_sample_range = 1;
  std::vector<double> trained_betas = {};        // in place of the schedule's; {} = none
  std::string own_timestep_spacing = "leading";  // of the class's own sampler
  std::string own_problem = "";  // the class, and the option, whose sampler gamut lacks; "" = it has it

  bool is_flow() const { return class_name == "FlowMatchEulerDiscreteScheduler"; }
};

// DataError for an unknown class, an unsupported option (named) or malformed values.
SchedulerConfig load_scheduler_config(const std::filesystem::path& folder);

}  // namespace gamut::models
