// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/step_choice.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <algorithm>
#include <numeric>

namespace gamut::algorithms {

void StepChoiceConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"fraction", "random", "list", "window"}),
          "which denoising steps train; window: all that sampler.window leaves stochastic");
  v.field("fraction", fraction, between(0, 1), "the first int(steps * fraction) steps are eligible");
  v.field("count", count, at_least(1), "random: steps drawn from the eligible ones in each iteration");
  v.field("list", list, any_value(), "list, random: the eligible indices, 0 is the noisiest step");
}

std::vector<int64_t> listed_steps(const StepChoiceConfig& config,
                                  const std::vector<diffusion::Step>& schedule) {
  const int64_t total = int64_t(schedule.size());
  std::vector<int64_t> eligible = config.list;
  const bool listed = config.kind == "list" || (config.kind == "random" && !config.list.empty());
  if (!listed) {
    eligible.resize(config.kind == "window" ? schedule.size() : size_t(double(total) * config.fraction));
    std::iota(eligible.begin(), eligible.end(), 0);
  }
  for (int64_t index : eligible)
    if (index < 0 || index >= total)
      throw ConfigError("schedule", cat("schedule.list names a step that does not exist; got ", index,
                                        "; expected 0..", total - 1, " (sampler.steps = ", total, ")"));
  std::sort(eligible.begin(), eligible.end());
  eligible.erase(std::unique(eligible.begin(), eligible.end()), eligible.end());
  return eligible;
}

std::vector<int64_t> eligible_steps(const StepChoiceConfig& config,
                                    const std::vector<diffusion::Step>& schedule) {
  std::vector<int64_t> eligible = listed_steps(config, schedule);
  std::erase_if(eligible, [&](int64_t index) { return schedule[size_t(index)].noise_std <= 0; });
  if (eligible.empty())
    throw ConfigError("schedule",
                      "no step is left to train: every chosen step is deterministic or the fraction is "
                      "too small; use sampler.kind = \"flow_sde\" with noise_level > 0, or raise "
                      "schedule.fraction");
  return eligible;
}

std::vector<int64_t> choose_steps(const StepChoiceConfig& config,
                                  const std::vector<diffusion::Step>& schedule, uint64_t seed,
                                  int64_t iteration) {
  const std::vector<int64_t> eligible = eligible_steps(config, schedule);
  if (config.kind != "random" || config.count >= int64_t(eligible.size())) return eligible;
  const std::vector<int64_t> order =
      Stream(seed, "schedule", {iteration}).permutation(int64_t(eligible.size()));
  std::vector<int64_t> chosen;
  for (int64_t k = 0; k < config.count; ++k) chosen.push_back(eligible[size_t(order[size_t(k)])]);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace gamut::algorithms
