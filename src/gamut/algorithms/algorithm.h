// SPDX-License-Identifier: Apache-2.0
// An algorithm is a filling of these slots. `algorithm = "flow_grpo"` sets them all; a recipe then overrides
// single keys. docs/algorithms/<name>.md describes each filling.
#pragma once

#include "gamut/algorithms/advantage.h"
#include "gamut/algorithms/conditioning.h"
#include "gamut/algorithms/loss.h"
#include "gamut/algorithms/objective.h"
#include "gamut/algorithms/regularizer.h"
#include "gamut/algorithms/shaping.h"
#include "gamut/algorithms/step_choice.h"
#include "gamut/algorithms/subset.h"
#include "gamut/diffusion/schedule.h"

#include <string>
#include <vector>

namespace gamut::algorithms {

struct Slots {
  diffusion::SamplerConfig sampler;  // how are trajectories drawn?
  ConditioningConfig conditioning;   // is the prompt varied between members?
  SubsetConfig subset;               // which members train?
  ShapingConfig shaping;             // what is added to the task reward?
  AdvantageConfig advantage;         // how is it normalized?
  ObjectiveConfig objective;         // what is trained on?
  LossConfig loss;                   // which surrogate?
  RegularizerConfig regularizer;     // what holds the policy?
  StepChoiceConfig schedule;         // which denoising steps train?
  void fields(FieldVisitor& v);
};

// The steps of an iteration: `schedule` as the sampler would take it, and those that train; with
// sampler.noise_on = "trained" the others are made deterministic. ConfigError when an objective on
// trajectories has no step left.
IterationSteps iteration_steps(const Slots& slots, const Needs& needs, std::vector<diffusion::Step> schedule,
                               uint64_t seed, int64_t iteration);

struct NamedAlgorithm {
  std::string name, help;
  Slots (*fill)();
};
// The registry.
const std::vector<NamedAlgorithm>& algorithm_table();
// The slots as the named algorithm fills them; ConfigError with the nearest name if unknown.
Slots fill_slots(const std::string& name);

}  // namespace gamut::algorithms
