// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/algorithm.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace gamut::algorithms {
namespace algorithm_test {

// The settings of Flow-GRPO's public recipe for Stable Diffusion 3.5.
TEST(algorithm, flow_grpo_is_filled_as_its_authors_run_it) {
  const Slots slots = fill_slots("flow_grpo");
  EXPECT_EQ(slots.sampler.kind, "flow_sde");
  EXPECT_EQ(slots.sampler.steps, 10);
  EXPECT_EQ(slots.sampler.noise_level, 0.7);
  EXPECT_EQ(slots.sampler.grid, "model");  // SD3.5's own scheduler: sd3_diffusers
  EXPECT_EQ(slots.sampler.shift, 3.0);
  EXPECT_EQ(slots.advantage.kind, "batch_std");
  EXPECT_EQ(slots.advantage.std_eps, 1e-4);
  EXPECT_EQ(slots.advantage.clip, 5.0);
  EXPECT_EQ(slots.advantage.zero, "drop");
  EXPECT_EQ(slots.loss.clip_range, 1e-4);
  EXPECT_EQ(slots.schedule.fraction, 0.99);
  EXPECT_FALSE(slots.regularizer.is_on());
}

// Its public SD3.5 recipe: noise on two of steps 1 to 5, drawn anew in each iteration, the others
// deterministic.
TEST(algorithm, flow_factory_has_noise_on_two_of_five_steps) {
  const Slots slots = fill_slots("flow_factory");
  const Needs needs = make_objective(slots, 3)->needs();
  diffusion::SamplerConfig ode = slots.sampler, sde = slots.sampler;
  ode.kind = "ode";
  sde.noise_on = "all";
  std::set<std::vector<int64_t>> pairs;
  std::set<int64_t> used;
  for (int64_t iteration = 0; iteration < 60; ++iteration) {
    const IterationSteps steps =
        iteration_steps(slots, needs, diffusion::make_schedule(slots.sampler), 3, iteration);
    ASSERT_EQ(steps.trained.size(), 2u);
    pairs.insert(steps.trained);
    used.insert(steps.trained.begin(), steps.trained.end());
    for (const diffusion::Step& step : steps.schedule) {
      const size_t i = size_t(step.index);
      const bool noisy = std::ranges::count(steps.trained, step.index) > 0;
      const diffusion::Step expected = diffusion::make_schedule(noisy ? sde : ode)[i];
      EXPECT_EQ(step.noise_std, expected.noise_std);
      EXPECT_EQ(step.a, expected.a);
      EXPECT_EQ(step.b, expected.b);
      EXPECT_EQ(step.noise_std > 0, noisy);
    }
  }
  EXPECT_EQ(used, (std::set<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(pairs.size(), 10u);  // every pair comes
}

TEST(algorithm, noise_goes_to_any_set_of_steps) {
  Slots slots = fill_slots("flow_grpo");
  slots.sampler.noise_on = "trained";
  slots.schedule = {.kind = "list", .list = {0, 7}};
  const IterationSteps steps = iteration_steps(slots, {}, diffusion::make_schedule(slots.sampler), 1, 0);
  for (const diffusion::Step& step : steps.schedule)
    EXPECT_EQ(step.noise_std > 0, step.index == 0 || step.index == 7);
  slots.sampler.window = 3;
  EXPECT_EQ(testing::message_of<ConfigError>([&] { diffusion::make_schedule(slots.sampler); }),
            "[sampler] window and noise_on both say which steps have noise; got window = 3 and noise_on = "
            "\"trained\"; set "
            "window = 0 or noise_on = \"all\"");
}

// Deterministic samplers, and what the papers and their public code say of each.
TEST(algorithm, objectives_on_the_forward_process_are_filled_as_published) {
  for (const char* name : {"awm", "nft", "weighted_matching", "rwr", "raft"}) {
    const Slots slots = fill_slots(name);
    EXPECT_EQ(slots.sampler.kind, "ode") << name;
    EXPECT_EQ(slots.advantage.zero, "keep") << name;
  }
  const Slots awm = fill_slots("awm"), nft = fill_slots("nft");
  EXPECT_EQ(awm.objective.draws, 6);
  EXPECT_EQ(awm.objective.time_weight, "ghuber");
  EXPECT_EQ(awm.objective.ghuber_power, 0.25);
  EXPECT_EQ(awm.loss.clip_range, 1e-5);
  EXPECT_EQ(nft.objective.beta, 1.0);
  EXPECT_EQ(nft.objective.advantage_max, 5.0);
  EXPECT_EQ(nft.advantage.clip, 5.0);
  EXPECT_EQ(nft.objective.old_decay_rate, 0.001);
  EXPECT_EQ(nft.objective.old_decay_max, 0.5);
  EXPECT_EQ(nft.regularizer.kind, "kl_v");
  EXPECT_EQ(nft.regularizer.weight, 1e-4);
  EXPECT_EQ(nft.loss.kind, "none");
  EXPECT_EQ(fill_slots("raft").objective.weighting, "threshold");
  EXPECT_EQ(fill_slots("rwr").objective.weighting, "reward");
  EXPECT_EQ(fill_slots("weighted_matching").objective.weighting, "exp");
}

TEST(algorithm, every_named_filling_satisfies_its_own_rules) {
  for (const NamedAlgorithm& algorithm : algorithm_table()) {
    Slots slots = algorithm.fill();
    const Resolved once = bind(parse_recipe("", "empty"), slots);
    Slots again;
    EXPECT_EQ(bind(parse_recipe(once.to_toml(), "dump"), again).fields.size(), once.fields.size())
        << algorithm.name;
  }
}

TEST(algorithm, an_unknown_name_gets_its_nearest) {
  EXPECT_EQ(testing::message_of<ConfigError>([] { fill_slots("flow_gpro"); }),
            "[config] unknown algorithm 'flow_gpro'; did you mean 'flow_grpo'?");
}

}  // namespace algorithm_test
}  // namespace gamut::algorithms
