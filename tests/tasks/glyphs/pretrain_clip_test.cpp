// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain_clip.h"

#include "gamut/io/files.h"
#include "gamut/train/pretrain_loop.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::glyphs {
namespace pretrain_clip_test {

using testing::TempFolder;

// By the definition, one pair at a time.
TEST(pretrain_clip, loss_is_the_mean_surprise_of_both_directions) {
  at::manual_seed(3);
  const at::Tensor images = at::randn({4, 6}, at::kDouble), texts = at::randn({4, 6}, at::kDouble);
  const double scale = 2.5;
  double expected = 0;
  for (int64_t i = 0; i < 4; ++i) {
    double of_texts = 0, of_images = 0;
    for (int64_t j = 0; j < 4; ++j) {
      of_texts += std::exp(scale * images[i].dot(texts[j]).item<double>());
      of_images += std::exp(scale * images[j].dot(texts[i]).item<double>());
    }
    const double own = scale * images[i].dot(texts[i]).item<double>();
    expected -= (2 * own - std::log(of_texts) - std::log(of_images)) / 8;
  }
  const at::Tensor loss = contrastive_loss(images, texts, at::tensor(std::log(scale), at::kDouble));
  EXPECT_NEAR(loss.item<double>(), expected, 1e-10);
}

ClipTrainingConfig small(const TempFolder& folder, const std::string& name) {
  const std::string root = GAMUT_SOURCE_DIR;
  ClipTrainingConfig config;
  config.clip_config = root + "/recipes/glyphs/clip_config";
  config.output = (folder / (name + "-model")).string();
  config.batch = 64;
  config.pictures = 1024;
  config.holdout = 128;
  config.warmup = 10;
  config.steps = 60;
  return config;
}

// Chance is 1/64.
TEST(pretrain_clip, learns_within_sixty_steps) {
  const TempFolder folder;
  const ClipTrainingConfig config = small(folder, "run");
  std::filesystem::create_directories(folder / "run");
  ASSERT_TRUE(pretrain_clip(config, {.run = folder / "run", .resume = false}));
  const nlohmann::json last = io::read_json_lines(folder / "run/metrics.jsonl").back();
  EXPECT_GT(last.at("text_to_image_top1").get<double>(), 0.3);
  const models::Clip clip = models::Clip::open(config.output, {});
  EXPECT_EQ(text_to_image_top1(clip, config.holdout, uint64_t(config.seed)),
            last.at("text_to_image_top1").get<double>());
}

TEST(pretrain_clip, a_resumed_run_ends_in_the_same_model) {
  const TempFolder folder;
  ClipTrainingConfig whole = small(folder, "whole"), parts = small(folder, "parts");
  for (ClipTrainingConfig* config : {&whole, &parts}) {
    config->batch = 4;
    config->pictures = 64;
    config->holdout = 64;
    config->steps = 6;
    config->checkpoint.every = 3;
  }
  for (const char* run : {"whole", "parts"}) std::filesystem::create_directories(folder / run);
  pretrain_clip(whole, {.run = folder / "whole", .resume = false});
  pretrain_clip(parts, {.run = folder / "parts", .resume = false});
  std::filesystem::remove_all(folder / "parts/checkpoints/step_000006");  // as if cut off after step 3
  pretrain_clip(parts, {.run = folder / "parts", .resume = true});
  const std::string file = "model.safetensors";
  EXPECT_EQ(io::read_text(std::filesystem::path(whole.output) / file),
            io::read_text(std::filesystem::path(parts.output) / file));
}

TEST(pretrain_clip, logit_scale_is_held_at_a_hundred) {
  const TempFolder folder, configs;
  ClipTrainingConfig config = small(folder, "run");
  const std::filesystem::path shipped = config.clip_config;
  nlohmann::json model = io::read_json(shipped / "config.json");
  model["logit_scale_init_value"] = 6.0;
  io::write_json(configs / "config.json", model);
  std::filesystem::copy(shipped / "preprocessor_config.json", configs / "preprocessor_config.json");
  config.clip_config = configs.path().string();
  config.output = (folder / "run/model").string();
  config.batch = 4;
  config.pictures = 64;
  config.holdout = 64;
  config.steps = 2;
  config.ema.decay = 0;
  config.optimizer.learning_rate = 1e-5;
  std::filesystem::create_directories(folder / "run");
  pretrain_clip(config, {.run = folder / "run", .resume = false});
  EXPECT_NEAR(models::Clip::open(config.output, {}).logit_scale().item<double>(), std::log(100.0), 1e-4);
}

}  // namespace pretrain_clip_test
}  // namespace gamut::glyphs
