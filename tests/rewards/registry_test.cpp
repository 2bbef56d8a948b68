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
  config.model = GAMUT_SOURCE_DIR "/models/glyphs-reader";
  EXPECT_EQ(make_reward(config)->name(), "reader");
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
  config.kind = "raeder";
  EXPECT_EQ(
      message_of<ConfigError>([&] { make_reward(config); }),
      "[rewards] unknown reward 'raeder'; expected one of ocr, reader, clip_score, pickscore, hps, aesthetic, "
      "jpeg_compressibility, jpeg_incompressibility, colorfulness, brisque, remote, mix; did you mean 'reader'?");
}

TEST(registry, missing_files_are_environment_errors) {
  RewardConfig config;
  config.model = "no/such/folder";
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

}  // namespace registry_test
}  // namespace gamut::rewards
