// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/gate_rewards.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

namespace gamut::train {
namespace gate_rewards_test {

TEST(gate_rewards, names_take_the_recipes_reward_keys) {
  TrainConfig config;
  config.slots.regularizer.gate_rewards = {"clip_score", "pickscore"};
  config.slots.shaping.features.model = "clip-of-shaping";
  config.gate_defaults.pickscore_model = "pick";
  config.gate_defaults.compute.dtype = "bf16";
  std::vector<rewards::RewardConfig> found = gate_reward_configs(config);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].kind, "clip_score");
  EXPECT_EQ(found[0].clip_model, "clip-of-shaping");
  EXPECT_EQ(found[1].kind, "pickscore");
  EXPECT_EQ(found[1].pickscore_model, "pick");
  EXPECT_EQ(found[1].compute.dtype, "bf16");
  config.gate_defaults.clip_model = "own";
  EXPECT_EQ(gate_reward_configs(config)[0].clip_model, "own");
}

TEST(gate_rewards, tables_stand_for_themselves) {
  TrainConfig config;
  config.gate_defaults.clip_model = "not this";
  config.gate_tables.resize(2);
  const Resolved resolved = bind(
      parse_recipe("[[regularizer.gate_rewards]]\nkind = \"colorfulness\"\n"
                   "[[regularizer.gate_rewards]]\nkind = \"clip_score\"\nclip_model = \"c\"\nbatch = 4\n",
                   "r.toml"),
      config);
  const std::vector<rewards::RewardConfig> found = gate_reward_configs(config);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].kind, "colorfulness");
  EXPECT_EQ(found[0].clip_model, "");
  EXPECT_EQ(found[1].clip_model, "c");
  EXPECT_EQ(found[1].compute.batch, 4);
  // A dump reads back as the same.
  TrainConfig again;
  again.gate_tables.resize(2);
  bind(parse_recipe(resolved.to_toml(), "dump.toml"), again);
  EXPECT_EQ(gate_reward_configs(again)[1].clip_model, "c");
}

TEST(gate_rewards, are_made_as_any_reward) {
  TrainConfig config;
  config.gate_tables = {{.kind = "colorfulness"}, {.kind = "jpeg_compressibility"}};
  const auto made = make_gate_rewards(config);
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[1]->name(), "jpeg_compressibility");
  config.gate_tables.clear();
  config.slots.regularizer.gate_rewards.clear();
  EXPECT_EQ(testing::message_of<ConfigError>([&] { make_gate_rewards(config); }),
            "[regularizer] gated_kl needs regularizer.gate_rewards, the rewards that the gate compares with");
}

}  // namespace gate_rewards_test
}  // namespace gamut::train
