// SPDX-License-Identifier: Apache-2.0
// Which steps of an iteration have noise when [sampler] sets a window.
#pragma once

#include "gamut/diffusion/schedule.h"

#include <cstdint>

namespace gamut::diffusion {

// [first, end) of a schedule's steps.
struct StepRange {
  int64_t first, end;
};

// ConfigError for a window that does not fit into its range or never moves, and for one beside noise_on; none
// set is fine.
void check_window(const SamplerConfig& config);
// The window of an iteration; `random` draws from the stream (seed, "window", iteration).
StepRange window_of(const SamplerConfig& config, uint64_t seed, int64_t iteration);

}  // namespace gamut::diffusion
