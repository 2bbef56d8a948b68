// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/algorithm.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

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
