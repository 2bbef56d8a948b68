// SPDX-License-Identifier: Apache-2.0
// Training a model whose pictures come out of an autoencoder: tests/cli/fixtures/tiny_sd, a tiny Stable
// Diffusion.
#include "gamut/core/error.h"
#include "gamut/train/policy.h"
#include "train/tiny_training.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::train {
namespace latent_training_test {

TrainConfig sd_config() {
  TrainConfig config = tiny_config("ddpo");
  config.model = std::string(GAMUT_SOURCE_DIR) + "/tests/cli/fixtures/tiny_sd";
  config.rollout.guidance_scale = 3;
  config.optimizer.learning_rate = 1e-3;
  return config;
}

struct SdRun {
  explicit SdRun(const TrainConfig& given)
      : config(given), trainer(config, open_policy(config), reward, tiny_prompts()) {}
  testing::Threads threads{1};
  TrainConfig config;
  RedReward reward;
  Trainer trainer;
};

TEST(latent_training, decodes_for_the_reward_and_stays_on_policy) {
  SdRun run(sd_config());
  for (int i = 0; i < 3; ++i) {
    const StepReport report = run.trainer.iterate();
    EXPECT_EQ(report.ratio_max_deviation, 0.0);
    EXPECT_EQ(report.updates, 1);
    EXPECT_GT(report.grad_norm, 0.0);
    EXPECT_EQ(run.reward.seen.sizes(), at::IntArrayRef({12, 3, 16, 16}));
    EXPECT_TRUE(run.reward.seen.isfinite().all().item<bool>());
    EXPECT_GT(run.reward.seen.std().item<double>(), 0.01);
  }
}

TEST(latent_training, makes_pictures_of_the_size_asked_for) {
  TrainConfig config = sd_config();
  config.rollout.height = 24;
  config.rollout.width = 8;
  SdRun run(config);
  EXPECT_EQ(run.trainer.iterate().ratio_max_deviation, 0.0);
  EXPECT_EQ(run.reward.seen.sizes(), at::IntArrayRef({12, 3, 24, 8}));
}

TEST(latent_training, all_weights_train_in_fp32_only) {
  TrainConfig config = sd_config();
  config.dtype = "bf16";
  try {
    SdRun run(config);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("all weights of the model train, which takes dtype = \"fp32\""),
              std::string::npos)
        << error.what();
  }
}

}  // namespace latent_training_test
}  // namespace gamut::train
