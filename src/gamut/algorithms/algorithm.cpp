// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/algorithm.h"

#include "gamut/core/error.h"

namespace gamut::algorithms {
namespace {

// Of rewards in [0, 1] that were computed in fp32, where one rounding is up to 6e-8. The presets that are
// gamut's own, or its reconstruction, take it; what others released stays as they released it.
constexpr double kResolution = 1e-6;

// Flow-GRPO (arXiv 2505.05470) as its public code runs SD3.5: prompt mean, std of the whole batch + 1e-4, all
// steps but the last, equal-reward groups left out. KL off here; `regularizer.kind = "kl_flow"` adds its
// term.
Slots flow_grpo() {
  Slots slots;
  slots.sampler = {.kind = "flow_sde", .steps = 10, .noise_level = 0.7, .shift = 3.0};
  slots.advantage = {.kind = "batch_std", .std_ddof = 0, .std_eps = 1e-4, .clip = 5.0, .zero = "drop"};
  slots.loss = {.kind = "ppo_clip", .clip_range = 1e-4};
  slots.regularizer = {.kind = "none", .weight = 0.04};
  slots.schedule = {.kind = "fraction", .fraction = 0.99};
  return slots;
}

// DanceGRPO (2505.07818) on FLUX: constant-noise SDE, one initial noise per group, group std with ddof 1, 9
// of the first 15 steps, the predicted clean latent decoded.
Slots dance_grpo() {
  Slots slots;
  slots.sampler = {.kind = "dance_sde",
                   .steps = 16,
                   .noise_level = 0.3,
                   .grid = "dance",
                   .shift = 3.0,
                   .model_time = "truncate",
                   .decode = "x0_last",
                   .initial_noise = "group"};
  slots.advantage = {.kind = "group", .std_ddof = 1, .std_eps = 1e-8, .zero = "keep"};
  slots.schedule = {.kind = "random", .fraction = 0.94, .count = 9};
  return slots;
}

// DanceGRPO on Stable Diffusion: DDIM with eta 1, one initial noise for the whole batch, every step but the
// last.
Slots dance_sd() {
  Slots slots = dance_grpo();
  slots.sampler = {.kind = "ddim", .steps = 50, .eta = 1.0, .initial_noise = "batch"};
  slots.schedule = {.kind = "fraction", .fraction = 0.98};
  return slots;
}

// DDPO (2305.13301) as ddpo-pytorch: DDIM with eta 1, per-prompt running statistics, all steps.
Slots ddpo() {
  Slots slots;
  slots.sampler = {.kind = "ddim", .steps = 50, .eta = 1.0};
  slots.advantage = {.kind = "running", .std_ddof = 0, .std_eps = 1e-6, .buffer = 16, .zero = "keep"};
  slots.schedule = {.kind = "fraction", .fraction = 1.0};
  return slots;
}

// GARDO (2512.24138) as its public code: no std, nearest-neighbour weights, a KL on the gated share of the
// pictures to a reference that follows.
Slots gardo() {
  Slots slots = flow_grpo();
  slots.advantage = {.kind = "nearest_neighbour_weight", .zero = "drop"};
  slots.regularizer = {.kind = "gated_kl", .weight = 0.04, .reference = "periodic"};
  slots.schedule = {.kind = "fraction", .fraction = 0.89};
  return slots;
}

// DiverseGRPO (2512.21514): the cluster bonus on top of the reward, group std with ddof 1 as in the paper's
// example, and the variance-free regularizer on the first three steps.
Slots diverse_grpo() {
  Slots slots = flow_grpo();
  slots.shaping = {.kind = "cluster_bonus", .beta = 0.7};
  slots.advantage = {
      .kind = "group", .std_ddof = 1, .std_eps = 1e-8, .resolution = kResolution, .zero = "keep"};
  slots.regularizer = {.kind = "structure_aware", .weight = 0.5, .steps = 3};
  return slots;
}

// DRIFT (2601.12401): reward-concentrated subset, annealed prompt noise, diversity potential, on DDIM as the
// paper's Stable Diffusion 1.5. The formulas behind the paper's three components are a reconstruction:
// docs/algorithms/drift.md.
Slots drift() {
  Slots slots;
  slots.sampler = {.kind = "ddim", .steps = 50, .eta = 1.0};
  slots.conditioning = {.kind = "annealed_noise"};
  slots.subset = {.kind = "min_variance"};
  slots.shaping = {.kind = "pairwise_potential", .weight = 0.5, .gate = "above_mean"};
  slots.advantage = {.kind = "group",
                     .std_eps = 1e-4,
                     .std_source = "candidates",
                     .resolution = kResolution,
                     .zero = "keep"};
  slots.schedule = {.kind = "fraction", .fraction = 1.0};
  return slots;
}

// Both on the flow SDE: DRIFT's three components with DiverseGRPO's regularizer.
Slots diverse_drift() {
  Slots slots = drift();
  const Slots diverse = diverse_grpo();
  slots.sampler = diverse.sampler;
  slots.regularizer = diverse.regularizer;
  slots.schedule = diverse.schedule;
  return slots;
}

// gamut's own, by ablation (docs/results_full.md): color and layout are held to the base at every trained
// step and detail is free; with the look anchored, the pairs of a prompt's best and worst that are furthest
// apart train, half of the candidates.
Slots gamut_slots() {
  Slots slots = flow_grpo();
  slots.subset = {.kind = "top_bottom", .scope = "batch"};
  slots.advantage.resolution = kResolution;
  slots.advantage.zero = "keep";  // the anchor acts on every kept picture
  slots.regularizer = {.kind = "kl_x", .weight = 0.5, .pool = 8};
  return slots;
}

// TMPO (2605.10983): the group's softmax of standardized rewards as the target of its trajectories. Groups
// whose rewards span less than a thousandth are left out, as its epsilon does; beta is not published.
Slots tmpo() {
  Slots slots = flow_grpo();
  slots.advantage = {.kind = "tmpo", .resolution = 1e-3, .zero = "drop"};
  return slots;
}

// Flow-Factory's GRPO on SD3.5: explicit sigmas, batch std floored at 1e-6, noise on two of steps 1 to 5
// alone.
Slots flow_factory() {
  Slots slots = flow_grpo();
  slots.sampler = {.kind = "flow_sde",
                   .steps = 10,
                   .noise_level = 0.8,
                   .grid = "linspace_shift",
                   .shift = 3.0,
                   .noise_on = "trained"};
  slots.advantage = {.kind = "batch_std", .std_eps = 1e-6, .std_eps_form = "floor", .zero = "keep"};
  slots.schedule = {.kind = "random", .count = 2, .list = {1, 2, 3, 4, 5}};
  return slots;
}

// MixGRPO (2507.21802) as released: noise only inside a window of four steps that moves by one every 25
// iterations, cut off at the 23rd step.
Slots mix_grpo() {
  Slots slots = flow_grpo();
  slots.sampler = {.kind = "flow_sde",
                   .steps = 25,
                   .noise_level = 0.7,
                   .grid = "dance",
                   .shift = 3.0,
                   .model_time = "truncate",
                   .initial_noise = "group",
                   .window = 4,
                   .window_kind = "sliding",
                   .window_range = {0, 23},
                   .window_every = 25,
                   .window_overlap = 3,
                   .window_end = "cut"};
  slots.advantage = {.kind = "group", .std_ddof = 1, .std_eps = 1e-8, .zero = "keep"};
  slots.schedule = {.kind = "window"};
  return slots;
}

// Flow-GRPO's later "fast" form, also verl-omni's: coefficients-preserving sampling in a random window of
// three.
Slots flow_cps() {
  Slots slots = flow_grpo();
  slots.sampler = {.kind = "cps",
                   .steps = 10,
                   .noise_level = 0.8,
                   .shift = 3.0,
                   .logprob = "released",
                   .window = 3,
                   .window_kind = "random",
                   .window_range = {0, 5}};
  slots.loss.clip_range = 1e-5;
  slots.schedule = {.kind = "window"};
  return slots;
}

// What the objectives on the forward process share: the deterministic sampler, and Flow-GRPO's advantages,
// zeros included.
Slots forward(const std::string& objective) {
  Slots slots = flow_grpo();
  slots.sampler.kind = "ode";
  slots.objective.kind = objective;
  slots.advantage.zero = "keep";
  slots.loss.kind = "none";
  return slots;
}

// AWM (2509.25050) as Flow-Factory runs it: six draws per picture, the generalized Huber weight, the ratio
// clipped at 1e-5.
Slots awm() {
  Slots slots = forward("awm");
  slots.objective.draws = 6;
  slots.objective.times = "logit_normal";
  slots.objective.time_weight = "ghuber";
  slots.loss = {.kind = "ppo_clip", .clip_range = 1e-5};
  return slots;
}

// DiffusionNFT (2509.16117) as its public code runs SD3.5: no guidance, ten deterministic steps, trained at
// the levels of the first nine, a slow old policy, a weak distance to the base.
Slots nft() {
  Slots slots = forward("nft");
  slots.objective.draws = 9;
  slots.objective.times = "grid";
  slots.regularizer = {.kind = "kl_v", .weight = 1e-4};
  return slots;
}

// Reward-weighted matching with ORW-CFM-W2's bound (2502.06061): the reward itself is the weight, or (RAFT)
// which pictures are good enough.
Slots weighted_matching() {
  Slots slots = forward("weighted_matching");
  slots.objective.draws = 4;
  slots.objective.weighting = "exp";
  slots.objective.temperature = 0.2;
  slots.advantage.kind = "reward";
  slots.regularizer = {.kind = "kl_v",
                       .weight = 100.0};  // of the weights' size: exp(r / 0.2) is 148 at r = 1
  return slots;
}

Slots rwr() {
  Slots slots = weighted_matching();
  slots.objective.weighting = "reward";
  slots.regularizer.kind = "none";
  return slots;
}

Slots raft() {
  Slots slots = rwr();
  slots.objective.weighting = "threshold";
  return slots;
}

}  // namespace

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
      {"flow_grpo", "Flow-GRPO: group-relative policy gradient on the flow SDE", flow_grpo},
      {"dance_grpo", "DanceGRPO on FLUX: constant-noise SDE, shared initial noise", dance_grpo},
      {"dance_sd", "DanceGRPO on Stable Diffusion: DDIM", dance_sd},
      {"ddpo", "DDPO on DDIM, per-prompt running statistics", ddpo},
      {"gardo", "GARDO: gated KL to a following reference, nearest-neighbour weights", gardo},
      {"diverse_grpo", "DiverseGRPO: cluster bonus and early-step regularizer", diverse_grpo},
      {"drift", "DRIFT: concentrated subset, prompt noise, diversity potential", drift},
      {"diverse_drift", "DRIFT's components with DiverseGRPO's regularizer on the flow SDE", diverse_drift},
      {"gamut", "color and layout held to the base, best and worst of twice as many candidates", gamut_slots},
      {"tmpo", "TMPO: trajectories matched to the group's softmax of rewards", tmpo},
      {"flow_factory", "Flow-Factory's GRPO conventions", flow_factory},
      {"mix_grpo", "MixGRPO: a sliding window of noisy steps", mix_grpo},
      {"awm", "advantage weighted matching: finished latents at random times, any sampler", awm},
      {"nft", "DiffusionNFT: two implicit policies around a slow old one, any sampler", nft},
      {"weighted_matching", "matching weighted by exp(reward), held to the base (ORW-CFM-W2)",
       weighted_matching},
      {"rwr", "matching weighted by the reward", rwr},
      {"raft", "matching of the pictures above a threshold of reward", raft},
      {"flow_cps", "coefficients-preserving sampling in a random window", flow_cps},
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
