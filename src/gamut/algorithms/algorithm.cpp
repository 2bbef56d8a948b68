// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/algorithm.h"

#include "gamut/core/error.h"

namespace gamut::algorithms {
namespace {

// Flow-GRPO (arXiv 2505.05470) as its public code runs SD3.5: prompt mean, std of the whole batch + 1e-4, all steps
// but the last, equal-reward groups left out. KL off here; `regularizer.kind = "kl_flow"` adds its term.
Slots flow_grpo() {
  Slots slots;
  slots.sampler = {.kind = "flow_sde", .steps = 10, .noise_level = 0.7, .grid = "sd3_diffusers", .shift = 3.0};
  slots.advantage = {.kind = "batch_std", .std_ddof = 0, .std_eps = 1e-4, .clip = 5.0, .zero = "drop"};
  slots.loss = {.kind = "ppo_clip", .clip_range = 1e-4};
  slots.regularizer = {.kind = "none", .weight = 0.04};
  slots.schedule = {.kind = "fraction", .fraction = 0.99};
  return slots;
}

}  // namespace

void Slots::fields(FieldVisitor& v) {
  v.table("sampler", sampler, "how trajectories are drawn");
  v.table("schedule", schedule, "which denoising steps train");
  v.table("advantage", advantage, "how rewards become advantages");
  v.table("loss", loss, "the surrogate objective");
  v.table("regularizer", regularizer, "what holds the policy near the base");
}

const std::vector<NamedAlgorithm>& algorithm_table() {
  static const std::vector<NamedAlgorithm> table{
      {"flow_grpo", "Flow-GRPO: group-relative policy gradient on the flow SDE", flow_grpo},
  };
  return table;
}

Slots fill_slots(const std::string& name) {
  std::vector<std::string> names;
  for (const NamedAlgorithm& algorithm : algorithm_table()) {
    if (algorithm.name == name) return algorithm.fill();
    names.push_back(algorithm.name);
  }
  const std::string nearest = nearest_name(name, names);
  throw ConfigError("config", cat("unknown algorithm '", name, "'", nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

}  // namespace gamut::algorithms
