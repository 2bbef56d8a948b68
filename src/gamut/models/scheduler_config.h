// SPDX-License-Identifier: Apache-2.0
// scheduler/scheduler_config.json as diffusers writes it: FlowMatchEulerDiscreteScheduler, DDIMScheduler,
// PNDMScheduler, EulerDiscreteScheduler.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gamut::models {

struct SchedulerConfig {
  std::string class_name = "FlowMatchEulerDiscreteScheduler";
  int64_t num_train_timesteps = 1000;
  // flow matching
  double shift = 1.0;
  bool use_dynamic_shifting = false;
  double base_shift = 0.5, max_shift = 1.15;
  int64_t base_image_seq_len = 256, max_image_seq_len = 4096;
  // diffusion (DDIM, PNDM, Euler)
  double beta_start = 0.00085, beta_end = 0.012;
  std::string beta_schedule = "scaled_linear", prediction_type = "epsilon", timestep_spacing = "leading";
  int64_t steps_offset = 1;
  bool clip_sample = false, set_alpha_to_one = false;

  bool is_flow() const { return class_name == "FlowMatchEulerDiscreteScheduler"; }
};

// DataError for an unknown class, an unsupported option (named) or malformed values.
SchedulerConfig load_scheduler_config(const std::filesystem::path& folder);

}  // namespace gamut::models
