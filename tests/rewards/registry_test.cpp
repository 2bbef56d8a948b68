// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/rewards/ocr.h"
#include "gamut/rewards/reward.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

namespace gamut::rewards {
namespace registry_test {

using gamut::testing::message_of;

TEST(registry, makes_each_kind) {
  RewardConfig config;
  config.kind = "clip_score";
  config.clip_model = GAMUT_SOURCE_DIR "/models/glyphs-clip";
  EXPECT_EQ(make_reward(config)->name(), "clip_score");
  config.kind = "ocr";
  if (ocr_is_built()) {
    EXPECT_EQ(make_reward(config)->name(), "ocr");
  }
}

TEST(registry, unknown_kind_names_the_nearest) {
  RewardConfig config;
  config.kind = "clipscore";
  EXPECT_EQ(
      message_of<ConfigError>([&] { make_reward(config); }),
      "[rewards] unknown reward 'clipscore'; expected one of ocr, clip_score, pickscore, hps, aesthetic, "
      "jpeg_compressibility, jpeg_incompressibility, colorfulness, brisque, remote, mix; did you mean "
      "'clip_score'?");
}

TEST(registry, a_recipe_has_to_say_what_it_rewards) {
  EXPECT_EQ(message_of<ConfigError>([] { make_reward({}); }),
            "[rewards] a recipe has to say what it rewards; got no reward.kind; expected one of ocr, "
            "clip_score, pickscore, hps, "
            "aesthetic, jpeg_compressibility, jpeg_incompressibility, colorfulness, brisque, remote, mix");
  EXPECT_EQ(message_of<ConfigError>([] { make_reward({.kind = "clip_score"}); }),
            "[reward] reward 'clip_score' needs clip_model = folder of a CLIP; got none; docs/rewards.md "
            "says where it comes "
            "from");
}

TEST(registry, missing_files_are_environment_errors) {
  RewardConfig config;
  config.kind = "clip_score";
  config.clip_model = "no/such/folder";
  EXPECT_NE(message_of<EnvironmentError>([&] { make_reward(config); }).find("'no/such/folder'"),
            std::string::npos);
  config.kind = "ocr";
  config.tessdata = "no/such/folder";
  EXPECT_NE(message_of<EnvironmentError>([&] { make_reward(config); }).find("tesseract-ocr-eng"),
            std::string::npos);
}

TEST(registry, recipe_keys_are_checked) {
  const Recipe good = parse_recipe("kind = \"ocr\"\nform = \"confidence\"\n", "r.toml");
  RewardConfig config;
  bind(good, config);
  EXPECT_EQ(config.kind, "ocr");
  EXPECT_EQ(config.form, "confidence");
  const Recipe bad = parse_recipe("form = \"confidnce\"\n", "r.toml");
  EXPECT_NE(message_of<ConfigError>([&] { bind(bad, config); }).find("distance | confidence"),
            std::string::npos);
}

// A kind of one's own, as a task adds it: in the registry, in recipes, in sums.
TEST(registry, kinds_can_be_added) {
  add_reward_kind({"my_colors", [](const RewardConfig&, const std::string& device) {
                     EXPECT_EQ(device, "cuda");
                     return make_reward({.kind = "colorfulness"});
                   }});
  EXPECT_EQ(reward_kinds().back(), "my_colors");
  RewardConfig config;
  bind(parse_recipe("kind = \"my_colors\"\n", "r.toml"), config);
  EXPECT_EQ(make_reward(config, "cuda")->name(), "colorfulness");
  bind(parse_recipe("kind = \"mix\"\nmix = { my_colors = 2 }\n", "r.toml"), config);
  EXPECT_EQ(make_reward(config, "cuda")->name(), "2 colorfulness");
}

}  // namespace registry_test
}  // namespace gamut::rewards
