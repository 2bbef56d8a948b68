// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/step_choice.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <algorithm>

namespace gamut::algorithms {

void StepChoiceConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"fraction", "random", "list"}), "which denoising steps train");
  v.field("fraction", fraction, between(0, 1), "the first int(steps * fraction) steps are eligible");
  v.field("count", count, at_least(1), "random: steps drawn from the eligible ones in each iteration");
  v.field("list", list, any_value(), "list: the indices, 0 is the noisiest step");
}

std::vector<int64_t> choose_steps(const StepChoiceConfig& config, const std::vector<diffusion::Step>& schedule,
                                  uint64_t seed, int64_t iteration) {
  const int64_t total = int64_t(schedule.size());
  std::vector<int64_t> chosen = config.list;
  if (config.kind != "list") {
    chosen.clear();
    for (int64_t i = 0; i < int64_t(double(total) * config.fraction); ++i) chosen.push_back(i);
  }
  for (int64_t index : chosen)
    if (index < 0 || index >= total)
      throw ConfigError("schedule", cat("schedule.list names a step that does not exist; got ", index,
                                        "; expected 0..", total - 1, " (sampler.steps = ", total, ")"));
  std::erase_if(chosen, [&](int64_t index) { return schedule[size_t(index)].noise_std <= 0; });
  if (chosen.empty())
    throw ConfigError("schedule", "no step is left to train: every chosen step is deterministic or the fraction is "
                                  "too small; use sampler.kind = \"flow_sde\" with noise_level > 0, or raise "
                                  "schedule.fraction");
  if (config.kind == "random" && config.count < int64_t(chosen.size())) {
    const std::vector<int64_t> order =
        Stream(seed, "schedule", {iteration}).permutation(int64_t(chosen.size()));
    std::vector<int64_t> drawn;
    for (int64_t k = 0; k < config.count; ++k) drawn.push_back(chosen[size_t(order[size_t(k)])]);
    chosen = drawn;
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

}  // namespace gamut::algorithms
