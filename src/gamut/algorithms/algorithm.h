// SPDX-License-Identifier: Apache-2.0
// An algorithm is a filling of these slots. `algorithm = "flow_grpo"` sets them all; a recipe then overrides single
// keys. docs/algorithms/<name>.md describes each filling.
#pragma once

#include "gamut/algorithms/advantage.h"
#include "gamut/algorithms/loss.h"
#include "gamut/algorithms/regularizer.h"
#include "gamut/algorithms/step_choice.h"
#include "gamut/diffusion/schedule.h"

#include <string>
#include <vector>

namespace gamut::algorithms {

struct Slots {
  diffusion::SamplerConfig sampler;
  AdvantageConfig advantage;
  LossConfig loss;
  RegularizerConfig regularizer;
  StepChoiceConfig schedule;
  void fields(FieldVisitor& v);
};

struct NamedAlgorithm {
  std::string name, help;
  Slots (*fill)();
};
// The registry.
const std::vector<NamedAlgorithm>& algorithm_table();
// The slots as the named algorithm fills them; ConfigError with the nearest name if unknown.
Slots fill_slots(const std::string& name);

}  // namespace gamut::algorithms
