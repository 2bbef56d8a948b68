// SPDX-License-Identifier: Apache-2.0
// The denoising steps of pictures drawn from a model outside of training: `gamut sample`, gamut.Model.sample.
#pragma once

#include "gamut/diffusion/schedule.h"
#include "gamut/models/pipeline.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::run {

// What may be asked of one call, ends included.
struct SampleRange {
  int64_t low, high;
};
inline constexpr SampleRange kSamplePictures{1, 100000}, kSampleSteps{1, 1000}, kSampleBatch{1, 65536},
    kSampleSide{1, 16384};
inline constexpr double kMostGuidance = 100;

struct SampleSchedule {
  int64_t steps = 20;
  std::string sampler = "";  // ode (the model's own scheduler, without noise) | flow_sde | ddim | euler; "":
                             // ode, or ddim where gamut lacks the model's own
  double eta = 0;            // ddim
  double noise_level = 0.7;  // flow_sde
  std::string grid = "";     // a name of sigma_grid_kinds(); "" = the model's scheduler
  double shift = 0;          // of the grid; 0 = the model's
};

// The model's own scheduler without noise unless the sampler, grid or shift asks for others. ConfigError for
// keys that do not go together, DataError for a sampler that the model's scheduler does not allow.
std::vector<diffusion::Step> sample_schedule(const models::Pipeline& pipe, const SampleSchedule& asked);

}  // namespace gamut::run
