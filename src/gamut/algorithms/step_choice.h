// SPDX-License-Identifier: Apache-2.0
// Which denoising steps train in an iteration; shared by all its samples.
#pragma once

#include "gamut/core/config.h"
#include "gamut/diffusion/schedule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// [schedule] of a recipe.
struct StepChoiceConfig {
  std::string kind = "fraction";   // fraction | random | list | window: every stochastic step
  double fraction = 0.99;          // the first int(steps * fraction) steps are eligible
  int64_t count = 4;               // random: how many of the eligible train each iteration
  std::vector<int64_t> list = {};  // list: indices; random: drawn from these, if any, instead of the fraction
  void fields(FieldVisitor& v);
};

// The steps of one iteration.
struct IterationSteps {
  std::vector<diffusion::Step> schedule;  // as the sampler takes them
  std::vector<int64_t>
      trained;  // ascending; not of a trajectory: the steps whose levels objective.times = grid visits
};

// Ascending indices of the steps that the config lists, deterministic ones included. ConfigError when one is
// outside the schedule.
std::vector<int64_t> listed_steps(const StepChoiceConfig& config,
                                  const std::vector<diffusion::Step>& schedule);

// Ascending indices of the steps that can train: deterministic steps are never among them. ConfigError when
// none is left or an index is outside the schedule.
std::vector<int64_t> eligible_steps(const StepChoiceConfig& config,
                                    const std::vector<diffusion::Step>& schedule);

// Those that train in one iteration: all eligible ones, or `count` of them. `random` draws from the stream
// (seed, "schedule", iteration).
std::vector<int64_t> choose_steps(const StepChoiceConfig& config,
                                  const std::vector<diffusion::Step>& schedule, uint64_t seed,
                                  int64_t iteration);

}  // namespace gamut::algorithms
