// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/step_choice.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace gamut::algorithms {
namespace step_choice_test {

using Indices = std::vector<int64_t>;
using testing::message_of;

std::vector<diffusion::Step> sde(int64_t steps) {
  diffusion::SamplerConfig config;
  config.steps = steps;
  return diffusion::make_schedule(config);
}

Indices first(int64_t count) {
  Indices all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// As the trainers' tables list them: 9 of 10, 5 of 6, 8 of 10, 4 of 6.
TEST(step_choice, a_fraction_drops_the_last_steps) {
  EXPECT_EQ(choose_steps({.kind = "fraction", .fraction = 0.99}, sde(10), 1, 0), first(9));
  EXPECT_EQ(choose_steps({.kind = "fraction", .fraction = 0.99}, sde(6), 1, 0), first(5));
  EXPECT_EQ(choose_steps({.kind = "fraction", .fraction = 0.89}, sde(10), 1, 0), first(8));
  EXPECT_EQ(choose_steps({.kind = "fraction", .fraction = 0.7}, sde(6), 1, 0), first(4));
  EXPECT_EQ(choose_steps({.kind = "fraction", .fraction = 1}, sde(10), 1, 0), first(10));
}

TEST(step_choice, random_steps_are_a_function_of_seed_and_iteration) {
  const StepChoiceConfig config{.kind = "random", .fraction = 0.99, .count = 3};
  std::set<Indices> seen;
  std::set<int64_t> used;
  for (int64_t iteration = 0; iteration < 60; ++iteration) {
    const Indices chosen = choose_steps(config, sde(10), 7, iteration);
    EXPECT_EQ(chosen, choose_steps(config, sde(10), 7, iteration));
    ASSERT_EQ(chosen.size(), 3u);
    for (size_t k = 1; k < chosen.size(); ++k) EXPECT_LT(chosen[k - 1], chosen[k]);
    used.insert(chosen.begin(), chosen.end());
    seen.insert(chosen);
  }
  EXPECT_EQ(Indices(used.begin(), used.end()), first(9));  // every eligible step, never the last
  EXPECT_GT(seen.size(), 30u);                             // of 84 possible choices
  EXPECT_NE(choose_steps(config, sde(10), 7, 0), choose_steps(config, sde(10), 8, 0));
}

TEST(step_choice, asking_for_more_random_steps_than_there_are_gives_all) {
  EXPECT_EQ(choose_steps({.kind = "random", .fraction = 0.5, .count = 8}, sde(10), 1, 0), first(5));
}

TEST(step_choice, a_list_is_sorted_and_each_step_trains_once) {
  EXPECT_EQ(choose_steps({.kind = "list", .list = {4, 0, 4, 2}}, sde(10), 1, 0), (Indices{0, 2, 4}));
}

TEST(step_choice, deterministic_steps_never_train) {
  std::vector<diffusion::Step> mixed = sde(4);
  mixed[1].noise_std = 0;
  EXPECT_EQ(choose_steps({.kind = "fraction", .fraction = 1}, mixed, 1, 0), (Indices{0, 2, 3}));
  EXPECT_EQ(
      message_of<ConfigError>([] {
        choose_steps({}, diffusion::ode_schedule({1, 0.5, 0}), 1, 0);
      }),
      "[schedule] no step is left to train: every chosen step is deterministic or the fraction is too small; "
      "use sampler.kind = \"flow_sde\" with noise_level > 0, or raise schedule.fraction");
}

TEST(step_choice, an_index_outside_the_schedule_is_refused) {
  EXPECT_EQ(message_of<ConfigError>([] {
              choose_steps({.kind = "list", .list = {3, 10}}, sde(10), 1, 0);
            }),
            "[schedule] schedule.list names a step that does not exist; got 10; expected 0..9 (sampler.steps "
            "= 10)");
  EXPECT_THROW(choose_steps({.kind = "list", .list = {-1}}, sde(10), 1, 0), ConfigError);
  EXPECT_THROW(choose_steps({.kind = "list", .list = {}}, sde(10), 1, 0), ConfigError);
}

TEST(step_choice, a_window_trains_all_its_stochastic_steps) {
  std::vector<diffusion::Step> schedule = sde(8);
  for (const size_t outside : {0, 1, 5, 6, 7}) schedule[outside].noise_std = 0;
  EXPECT_EQ(choose_steps({.kind = "window", .fraction = 0.1}, schedule, 1, 0), (Indices{2, 3, 4}));
}

TEST(step_choice, those_drawn_at_random_are_eligible) {
  const StepChoiceConfig config{.kind = "random", .fraction = 0.7, .count = 2};
  EXPECT_EQ(eligible_steps(config, sde(10)), first(7));
  for (const int64_t index : choose_steps(config, sde(10), 3, 5)) EXPECT_LT(index, 7);
}

// Flow-Factory: two of steps 1 to 5.
TEST(step_choice, random_steps_can_come_from_a_list) {
  const StepChoiceConfig config{.kind = "random", .count = 2, .list = {1, 2, 3, 4, 5}};
  std::set<int64_t> used;
  for (int64_t iteration = 0; iteration < 40; ++iteration) {
    const Indices chosen = choose_steps(config, sde(10), 3, iteration);
    ASSERT_EQ(chosen.size(), 2u);
    used.insert(chosen.begin(), chosen.end());
  }
  EXPECT_EQ(used, (std::set<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_THROW(choose_steps({.kind = "random", .list = {10}}, sde(10), 3, 0), ConfigError);
}

}  // namespace step_choice_test
}  // namespace gamut::algorithms
