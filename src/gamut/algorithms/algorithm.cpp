// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/algorithm.h"

#include "gamut/algorithms/presets.h"
#include "gamut/core/error.h"

namespace gamut::algorithms {

IterationSteps iteration_steps(const Slots& slots, const Needs& needs, std::vector<diffusion::Step> schedule,
                               uint64_t seed, int64_t iteration) {
  IterationSteps steps{.schedule = std::move(schedule), .trained = {}};
  if (!needs.trajectory) {
    steps.trained = listed_steps(slots.schedule, steps.schedule);
    return steps;
  }
  steps.trained = choose_steps(slots.schedule, steps.schedule, seed, iteration);
  if (slots.sampler.noise_on == "trained")
    steps.schedule = diffusion::with_noise_on(slots.sampler, steps.schedule, steps.trained);
  return steps;
}

void Slots::fields(FieldVisitor& v) {
  v.table("sampler", sampler, "how trajectories are drawn");
  v.table("conditioning", conditioning, "whether the prompt varies between members");
  v.table("subset", subset, "which members train");
  v.table("shaping", shaping, "what is added to the reward for variety");
  v.table("advantage", advantage, "how rewards become advantages");
  v.table("objective", objective, "what is trained on: denoising steps of the rollout, or finished latents");
  v.table("loss", loss, "the surrogate objective");
  v.table("regularizer", regularizer, "what holds the policy near the base");
  v.table("schedule", schedule, "which denoising steps train");
}

const std::vector<NamedAlgorithm>& algorithm_table() {
  static const std::vector<NamedAlgorithm> table{
      {"flow_grpo", "Flow-GRPO: group-relative policy gradient on the flow SDE", presets::flow_grpo},
      {"dance_grpo", "DanceGRPO on FLUX: constant-noise SDE, shared initial noise", presets::dance_grpo},
      {"dance_sd", "DanceGRPO on Stable Diffusion: DDIM", presets::dance_sd},
      {"ddpo", "DDPO on DDIM, per-prompt running statistics", presets::ddpo},
      {"gardo", "GARDO: gated KL to a following reference, nearest-neighbour weights", presets::gardo},
      {"diverse_grpo", "DiverseGRPO: cluster bonus and early-step regularizer", presets::diverse_grpo},
      {"drift", "DRIFT: concentrated subset, prompt noise, diversity potential", presets::drift},
      {"diverse_drift", "DRIFT's components with DiverseGRPO's regularizer on the flow SDE",
       presets::diverse_drift},
      {"gamut", "color and layout held to the base, best and worst of twice as many candidates",
       presets::gamut_slots},
      {"tmpo", "TMPO: trajectories matched to the group's softmax of rewards", presets::tmpo},
      {"flow_factory", "Flow-Factory's GRPO conventions", presets::flow_factory},
      {"mix_grpo", "MixGRPO: a sliding window of noisy steps", presets::mix_grpo},
      {"awm", "advantage weighted matching: finished latents at random times, any sampler", presets::awm},
      {"nft", "DiffusionNFT: two implicit policies around a slow old one, any sampler", presets::nft},
      {"weighted_matching", "matching weighted by exp(reward), held to the base (ORW-CFM-W2)",
       presets::weighted_matching},
      {"rwr", "matching weighted by the reward", presets::rwr},
      {"raft", "matching of the pictures above a threshold of reward", presets::raft},
      {"flow_cps", "coefficients-preserving sampling in a random window", presets::flow_cps},
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
  throw ConfigError("config", cat("unknown algorithm '", name, "'",
                                  nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

}  // namespace gamut::algorithms
