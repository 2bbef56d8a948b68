// SPDX-License-Identifier: Apache-2.0
// Which slots go with which objective.
#include "gamut/algorithms/objective.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <functional>

namespace gamut::algorithms {
namespace objective_test {

const std::string kTaken = "nothing was thrown";

std::string refusal(const std::string& name, const std::function<void(Slots&)>& change) {
  Slots slots = fill_slots(name);
  change(slots);
  return testing::message_of<ConfigError>([&] { make_objective(slots, 1); });
}

TEST(objective, asks_for_what_it_trains_on) {
  const auto needs = [](const char* name, const char* loss = "") {
    Slots slots = fill_slots(name);
    if (*loss) slots.loss.kind = loss;
    return make_objective(slots, 1)->needs();
  };
  EXPECT_TRUE(needs("flow_grpo").trajectory);
  EXPECT_FALSE(needs("flow_grpo").means);
  EXPECT_TRUE(needs("flow_grpo", "grpo_guard").means);
  for (const char* name : {"awm", "nft", "weighted_matching"}) EXPECT_FALSE(needs(name).trajectory) << name;
  EXPECT_TRUE(needs("awm").old);
  EXPECT_FALSE(needs("awm").slow_old);
  EXPECT_TRUE(needs("nft").slow_old);
  EXPECT_FALSE(needs("weighted_matching").old);
}

TEST(objective, a_distance_between_steps_has_no_place_on_the_forward_process) {
  EXPECT_EQ(refusal("awm", [](Slots& s) { s.regularizer = {.kind = "structure_aware", .weight = 0.5}; }),
            "[objective] objective.kind = \"awm\" does not go with regularizer.kind = \"structure_aware\": "
            "that is a distance "
            "between the means of denoising steps, and this objective trains at times of its own; expected "
            "\"kl_v\", the "
            "distance between outputs, \"kl_x0\", that between predicted clean latents, or \"none\"");
  for (const char* kind : {"kl_flow", "kl_exact", "kl_x", "gated_kl"})
    EXPECT_NE(refusal("nft", [&](Slots& s) { s.regularizer.kind = kind; }), kTaken) << kind;
  for (const char* reference : {"frozen", "ema", "periodic"})
    EXPECT_EQ(refusal("nft", [&](Slots& s) { s.regularizer.reference = reference; }), kTaken) << reference;
  EXPECT_EQ(refusal("awm", [](Slots& s) { s.regularizer = {.kind = "kl_x", .weight = 0}; }), kTaken);  // off
  EXPECT_EQ(refusal("nft", [](Slots& s) { s.regularizer.steps = 3; }),
            "[objective] objective.kind = \"nft\" does not go with regularizer.steps or decay: they count "
            "denoising steps, and "
            "it trains at times of its own; expected steps = 0 and decay = \"hard\"");
}

TEST(objective, what_belongs_to_steps_is_refused_with_its_reason) {
  EXPECT_EQ(
      refusal("nft",
              [](Slots& s) { s.shaping.kind = "pairwise_potential", s.shaping.potential = "per_step_x0"; }),
      "[objective] objective.kind = \"nft\" does not go with shaping.potential = \"per_step_x0\": that gives "
      "each "
      "denoising step an advantage, and a finished picture has one; expected \"terminal\"");
  EXPECT_EQ(
      refusal("awm",
              [](Slots& s) { s.conditioning.kind = "annealed_noise", s.conditioning.resample = "step"; }),
      "[objective] objective.kind = \"awm\" does not go with conditioning.resample = \"step\": each "
      "denoising step then "
      "has a prompt of its own, which no other time has; expected \"trajectory\"");
  EXPECT_EQ(refusal("awm", [](Slots& s) { s.sampler.noise_on = "trained"; }),
            "[objective] objective.kind = \"awm\" does not go with sampler.noise_on = \"trained\": no "
            "denoising step trains; "
            "expected \"all\", or sampler.kind = \"ode\"");
  EXPECT_EQ(refusal("awm", [](Slots& s) { s.loss.kind = "grpo_guard"; }),
            "[objective] objective.kind = \"awm\" does not go with loss.kind = \"grpo_guard\": its ratio "
            "compares matching "
            "errors, not step means; expected \"ppo_clip\"");
}

TEST(objective, every_other_slot_serves_the_forward_process) {
  for (const char* name : {"awm", "nft", "weighted_matching"}) {
    EXPECT_EQ(refusal(name, [](Slots& s) { s.conditioning.kind = "annealed_noise"; }), kTaken) << name;
    EXPECT_EQ(refusal(name, [](Slots& s) { s.shaping = {.kind = "cluster_bonus"}; }), kTaken) << name;
    EXPECT_EQ(refusal(name, [](Slots& s) { s.shaping = {.kind = "pairwise_potential"}; }), kTaken) << name;
    EXPECT_EQ(refusal(name, [](Slots& s) { s.subset = {.kind = "min_variance"}; }), kTaken) << name;
    for (const char* sampler : {"flow_sde", "dance_sde", "cps", "ode", "ddim"})
      EXPECT_EQ(refusal(name, [&](Slots& s) { s.sampler.kind = sampler; }), kTaken)
          << name << " on " << sampler;
  }
}

TEST(objective, a_policy_gradient_needs_a_surrogate) {
  EXPECT_EQ(refusal("flow_grpo", [](Slots& s) { s.loss.kind = "none"; }),
            "[loss] objective.kind = \"policy_gradient\" needs a surrogate; got loss.kind = \"none\"; "
            "expected \"ppo_clip\" or "
            "\"grpo_guard\"");
  EXPECT_NE(refusal("ddpo", [](Slots& s) { s.loss.kind = "grpo_guard"; }), kTaken);
}

TEST(objective, a_reference_is_a_policy) {
  EXPECT_EQ(policy_of({.reference = "frozen"}), Policy::kBase);
  EXPECT_EQ(policy_of({.reference = "ema"}), Policy::kAverage);
  EXPECT_EQ(policy_of({.reference = "periodic"}), Policy::kPeriodic);
}

TEST(objective, a_buffer_is_for_weights_that_do_not_compare) {
  Slots slots = fill_slots("awm");
  slots.objective.buffer = 4;
  slots.advantage.kind = "tmpo";
  const std::string message = testing::message_of<ConfigError>([&] { make_objective(slots, 1); });
  EXPECT_NE(message.find("objective.kind = \"awm\" does not go with objective.buffer: its advantages are "
                         "relative to their own "
                         "iteration"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("does not go with advantage.kind = \"tmpo\""), std::string::npos) << message;
  slots = fill_slots("flow_grpo");
  slots.objective.buffer = 4;
  EXPECT_THROW(make_objective(slots, 1), ConfigError);
  slots = fill_slots("raft");
  slots.objective.buffer = 4;
  make_objective(slots, 1);
}

TEST(objective, likelihoods_are_of_the_prompt_that_drew) {
  Slots slots = fill_slots("flow_grpo");
  slots.objective.plain_share = 0.5;
  const std::string message = testing::message_of<ConfigError>([&] { make_objective(slots, 1); });
  EXPECT_NE(message.find("compares likelihoods under one; expected 0"), std::string::npos) << message;
  slots = fill_slots("nft");
  slots.objective.plain_share = 0.5;
  make_objective(slots, 1);
}

}  // namespace objective_test
}  // namespace gamut::algorithms
