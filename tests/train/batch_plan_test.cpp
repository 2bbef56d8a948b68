// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/batch_plan.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

namespace gamut::train {
namespace batch_plan_test {

using testing::message_of;

RolloutConfig geometry(int64_t prompts, int64_t members, int64_t micro_batch, int64_t updates) {
  RolloutConfig config;
  config.prompts_per_iteration = prompts;
  config.group_size = members;
  config.micro_batch = micro_batch;
  config.updates = updates;
  return config;
}

TEST(batch_plan, derives_and_prints_its_numbers) {
  const BatchPlan plan = make_batch_plan(geometry(4, 12, 8, 3), {}, 10);
  EXPECT_EQ(plan.pictures, 48);
  EXPECT_EQ(plan.micro_batches, 6);
  EXPECT_EQ(plan.text(),
            "plan   prompts 4 x group 12 = 48 pictures   micro-batch 8 x 6   updates per iteration 3");
}

TEST(batch_plan, each_broken_rule_has_its_sentence) {
  EXPECT_EQ(message_of<ConfigError>([] { make_batch_plan(geometry(5, 4, 4, 1), {}, 3); }),
            "[plan] rollout.prompts_per_iteration must not exceed the prompt set; got 5; the set has 3");
  EXPECT_EQ(
      message_of<ConfigError>([] { make_batch_plan(geometry(2, 5, 4, 1), {}, 3); }),
      "[plan] rollout.micro_batch must divide the pictures of an iteration; got 4; there are 2 x 5 = 10");
  EXPECT_EQ(message_of<ConfigError>([] { make_batch_plan(geometry(2, 6, 4, 2), {}, 3); }),
            "[plan] rollout.updates must divide the number of trained micro-batches; got 2; there are 3");
  EXPECT_EQ(message_of<ConfigError>([] { make_batch_plan(geometry(2, 6, 12, 2), {}, 3); }),
            "[plan] rollout.updates must divide the number of trained micro-batches; got 2; there are 1");
  const std::string two = message_of<ConfigError>([] { make_batch_plan(geometry(4, 5, 8, 1), {}, 3); });
  EXPECT_NE(two.find("must not exceed the prompt set"), std::string::npos) << two;
  EXPECT_NE(two.find("must divide the pictures"), std::string::npos) << two;
}

TEST(batch_plan, a_subset_draws_more_than_it_keeps) {
  BatchPlan plan = make_batch_plan(geometry(2, 4, 4, 2), {.kind = "min_variance"}, 3);
  EXPECT_EQ(plan.members, 8);
  EXPECT_EQ(plan.keep, 4);
  EXPECT_EQ(plan.pictures, 16);
  EXPECT_EQ(plan.text(),
            "plan   prompts 2 x group 8, of which 4 train = 16 pictures   micro-batch 4 x 4   updates "
            "per iteration 2");
  plan = make_batch_plan(geometry(2, 4, 4, 1), {.kind = "trim", .candidates = 6, .keep = 5}, 3);
  EXPECT_EQ(plan.members, 6);
  EXPECT_EQ(plan.keep, 5);
  EXPECT_EQ(message_of<ConfigError>([] {
              make_batch_plan(geometry(2, 4, 4, 1), {.kind = "trim", .candidates = 4, .keep = 6}, 3);
            }),
            "[plan] subset.keep must not exceed subset.candidates; got 6 of 4");
}

TEST(batch_plan, prompts_are_distinct_and_a_function_of_seed_and_iteration) {
  const BatchPlan plan = make_batch_plan(geometry(4, 2, 8, 1), {}, 9);
  std::set<int64_t> used;
  for (int64_t iteration = 0; iteration < 30; ++iteration) {
    const std::vector<int64_t> drawn = draw_prompts(plan, 9, 5, iteration);
    EXPECT_EQ(drawn, draw_prompts(plan, 9, 5, iteration));
    EXPECT_EQ(std::set<int64_t>(drawn.begin(), drawn.end()).size(), 4u);
    used.insert(drawn.begin(), drawn.end());
  }
  EXPECT_EQ(used.size(), 9u);
  EXPECT_EQ(*used.rbegin(), 8);
  EXPECT_NE(draw_prompts(plan, 9, 5, 0), draw_prompts(plan, 9, 5, 1));
  EXPECT_NE(draw_prompts(plan, 9, 5, 0), draw_prompts(plan, 9, 6, 0));
}

TEST(batch_plan, every_sample_has_one_place_and_every_update_sees_every_prompt) {
  const BatchPlan plan = make_batch_plan(geometry(3, 8, 6, 2), {}, 7);
  const std::vector<int64_t> prompts{4, 0, 6};
  const std::vector<std::vector<SampleRow>> places = sample_rows(plan, prompts, 11);
  ASSERT_EQ(places.size(), 4u);
  std::set<std::tuple<int64_t, int64_t>> seen;
  for (size_t m = 0; m < places.size(); ++m) {
    ASSERT_EQ(places[m].size(), 6u);
    std::map<int64_t, int64_t> per_slot;
    for (const SampleRow& place : places[m]) {
      EXPECT_EQ(place.key.epoch, 11);
      EXPECT_EQ(place.key.prompt, prompts[size_t(place.slot)]);
      EXPECT_TRUE(seen.insert({place.slot, place.key.member}).second);
      ++per_slot[place.slot];
    }
    EXPECT_EQ(per_slot.size(), 3u) << "micro-batch " << m;
  }
  EXPECT_EQ(seen.size(), 24u);
  EXPECT_EQ(std::get<1>(*seen.rbegin()), 7);
}

// The largest divisor of the pictures up to the usual size, where updates allow it.
TEST(batch_plan, what_is_left_open_follows) {
  EXPECT_EQ(make_batch_plan(geometry(0, 16, 0, 1), {}, 33).prompts, 4);
  EXPECT_EQ(make_batch_plan(geometry(0, 16, 0, 1), {}, 3).prompts, 3);
  EXPECT_EQ(make_batch_plan(geometry(4, 16, 0, 1), {}, 33).micro_batch, 64);
  EXPECT_EQ(make_batch_plan(geometry(4, 24, 0, 1), {}, 33).micro_batch, 48);   // of 96
  EXPECT_EQ(make_batch_plan(geometry(4, 24, 0, 4), {}, 33).micro_batch, 24);   // four updates
  EXPECT_EQ(make_batch_plan(geometry(4, 6, 0, 1), {}, 33, 4).micro_batch, 4);  // of 24, a large model
  EXPECT_EQ(make_batch_plan(geometry(3, 7, 0, 1), {}, 33, 4).micro_batch, 3);  // of 21
  EXPECT_EQ(make_batch_plan(geometry(2, 4, 0, 2), {.kind = "min_variance"}, 3).micro_batch,
            4);  // 16 drawn, 8 train
  EXPECT_NE(message_of<ConfigError>([] {
              make_batch_plan(geometry(2, 4, 0, 3), {}, 3);
            }).find("rollout.updates must divide the number of trained micro-batches"),
            std::string::npos);
}

}  // namespace batch_plan_test
}  // namespace gamut::train
