// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/presets.h"

namespace gamut::algorithms::presets {
namespace {

// Of rewards in [0, 1] that were computed in fp32, where one rounding is up to 6e-8. The presets that are
// gamut's own, or its reconstruction, take it; what others released stays as they released it.
constexpr double kResolution = 1e-6;

}  // namespace

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

}  // namespace gamut::algorithms::presets
