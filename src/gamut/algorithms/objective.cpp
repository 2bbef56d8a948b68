// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/objective.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/awm.h"
#include "gamut/algorithms/nft.h"
#include "gamut/algorithms/policy_gradient.h"
#include "gamut/algorithms/weighted_matching.h"
#include "gamut/core/error.h"

namespace gamut::algorithms {
namespace {

// One line per sibling that trains on the forward process.
struct ForwardKind {
  std::string name;
  std::unique_ptr<Objective> (*make)(const Slots& slots, uint64_t seed);
  bool uses_loss;  // [loss] clips its ratio
};

const std::vector<ForwardKind>& forward_kinds() {
  static const std::vector<ForwardKind> kinds{
      {"awm", make_awm, true},
      {"nft", make_nft, false},
      {"weighted_matching", make_weighted_matching, false},
  };
  return kinds;
}

std::vector<std::string> objective_names() {
  std::vector<std::string> names{"policy_gradient"};
  for (const ForwardKind& kind : forward_kinds()) names.push_back(kind.name);
  return names;
}

// What has no meaning together; each says why.
class Problems {
 public:
  explicit Problems(const std::string& kind) : kind_(kind) {}
  void add(bool wrong, const std::string& got, const std::string& why) {
    if (wrong) lines_.push_back(cat("objective.kind = \"", kind_, "\" does not go with ", got, ": ", why));
  }
  void raise() const {
    if (!lines_.empty()) throw ConfigError("objective", lines_);
  }

 private:
  std::string kind_;
  std::vector<std::string> lines_;
};

void check_forward(const Slots& slots, const ForwardKind& kind) {
  const RegularizerConfig& held = slots.regularizer;
  Problems problems(kind.name);
  problems.add(
      held.is_on() && held.kind != "kl_v" && held.kind != "kl_x0",
      cat("regularizer.kind = \"", held.kind, "\""),
      "that is a distance between the means of denoising steps, and this objective trains at times "
      "of its own; expected \"kl_v\", the distance between outputs, \"kl_x0\", that between predicted "
      "clean latents, or \"none\"");
  problems.add(held.is_on() && (held.steps > 0 || held.decay != "hard"), "regularizer.steps or decay",
               "they count denoising steps, and it trains at times of its own; expected steps = 0 and decay "
               "= \"hard\"");
  problems.add(
      slots.shaping.kind == "pairwise_potential" && slots.shaping.potential == "per_step_x0",
      "shaping.potential = \"per_step_x0\"",
      "that gives each denoising step an advantage, and a finished picture has one; expected \"terminal\"");
  problems.add(
      slots.conditioning.is_on() && slots.conditioning.resample == "step", "conditioning.resample = \"step\"",
      "each denoising step then has a prompt of its own, which no other time has; expected \"trajectory\"");
  problems.add(slots.sampler.noise_on == "trained", "sampler.noise_on = \"trained\"",
               "no denoising step trains; expected \"all\", or sampler.kind = \"ode\"");
  problems.add(kind.uses_loss && slots.loss.kind != "ppo_clip", cat("loss.kind = \"", slots.loss.kind, "\""),
               "its ratio compares matching errors, not step means; expected \"ppo_clip\"");
  problems.add(slots.advantage.kind == "tmpo", "advantage.kind = \"tmpo\"",
               "that compares the log-probabilities of trajectories, which a finished picture has not; "
               "expected another");
  problems.add(slots.objective.buffer > 0 && kind.name != "weighted_matching", "objective.buffer",
               "its advantages are relative to their own iteration; expected 0, or objective.kind = "
               "\"weighted_matching\"");
  problems.add(
      slots.objective.buffer > 0 && slots.conditioning.is_on(), "objective.buffer and [conditioning]",
      "a picture of an earlier iteration had another prompt noise; expected conditioning.kind = \"none\"");
  problems.raise();
}

}  // namespace

void ObjectiveConfig::fields(FieldVisitor& v) {
  v.field(
      "kind", kind, one_of(objective_names()),
      "what is trained on: the rollout's denoising steps, with [loss], or finished latents at random times");
  v.field("draws", draws, between(1, 1000),
          "not policy_gradient: times and noises drawn per picture and iteration");
  v.field("times", times, one_of({"uniform", "logit_normal", "grid"}),
          "not policy_gradient: how times between 0 and 1 are drawn; grid: the noise levels of the sampler's "
          "steps that "
          "[schedule] lists, deterministic ones included, each once before one comes again");
  v.field("plain_share", plain_share, between(0, 1),
          "not policy_gradient: share of the draws that train the prompt itself in place of the caption of "
          "rollout.variants that the picture was drawn by");
  v.field("time_weight", time_weight, one_of({"none", "t", "t2", "ghuber"}),
          "awm: weight of the matching error by time t; ghuber: t ((error + 1e-10)^p - 1e-10^p) / p");
  v.field("ghuber_power", ghuber_power, Rule{.min = 0, .max = 1, .min_open = true}, "awm: p of ghuber");
  v.field("beta", beta, above(0),
          "nft: distance of the two implicit policies from the old one, in steps to the current");
  v.field("advantage_max", advantage_max, above(0), "nft: the advantage that counts as all good");
  v.field("old_decay_rate", old_decay_rate, at_least(0),
          "nft: after an iteration old <- d old + (1 - d) current with d = min(rate (updates - start), max); "
          "0: the old "
          "policy is the current one");
  v.field("old_decay_start", old_decay_start, at_least(0), "nft: updates before d rises; until then it is 0");
  v.field("old_decay_max", old_decay_max, between(0, 1), "nft: largest d");
  v.field("weighting", weighting, one_of({"reward", "threshold", "exp"}),
          "weighted_matching: a picture's weight: its reward (0 below 0), 1 from the threshold on, "
          "exp(reward / temperature)");
  v.field("buffer", buffer, between(0, 1000),
          "weighted_matching: trains on pictures with weight drawn from those of so many newest iterations, "
          "as many as one "
          "iteration trains; 0 = on this iteration's alone");
  v.field("threshold", threshold, any_value(), "weighted_matching: threshold: the least reward that trains");
  v.field("temperature", temperature, above(0),
          "weighted_matching: exp: rewards this far apart differ by a factor of e");
}

Policy policy_of(const RegularizerConfig& config) {
  if (config.reference == "ema") return Policy::kAverage;
  return config.reference == "periodic" ? Policy::kPeriodic : Policy::kBase;
}

std::unique_ptr<Objective> make_objective(const Slots& slots, uint64_t seed) {
  for (const ForwardKind& kind : forward_kinds()) {
    if (kind.name != slots.objective.kind) continue;
    check_forward(slots, kind);
    return kind.make(slots, seed);
  }
  if (slots.objective.buffer > 0)
    throw ConfigError(
        "objective",
        "objective.buffer keeps finished pictures, and objective.kind = \"policy_gradient\" trains on the "
        "trajectories of its own policy; expected 0, or objective.kind = \"weighted_matching\"");
  if (slots.objective.plain_share > 0)
    throw ConfigError("objective",
                      "objective.plain_share trains pictures under another prompt than drew them, and "
                      "objective.kind = \"policy_gradient\" compares likelihoods under one; expected 0, or "
                      "objective.kind = \"awm\", \"nft\" or \"weighted_matching\"");
  check_loss(slots.loss, slots.sampler);
  return make_policy_gradient(slots.loss, slots.regularizer);
}

}  // namespace gamut::algorithms
