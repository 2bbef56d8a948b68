// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain_reader.h"

#include "gamut/models/reader/reader_net.h"
#include "gamut/tasks/glyphs/reader_batches.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::glyphs {
namespace pretrain_reader_test {

ReaderTrainingConfig small() {
  ReaderTrainingConfig config;
  config.batch = 40;
  config.augment.garbage = 0.2;
  return config;
}

TEST(pretrain_reader, batches_are_pictures_with_distributions) {
  glyphs::GlyphRenderer renderer;
  const ReaderBatch batch = draw_reader_batch(small(), renderer, 3);
  EXPECT_EQ(batch.pictures_BCHW.sizes(), (std::vector<int64_t>{40, 3, 32, 32}));
  EXPECT_EQ(batch.targets_BK.sizes(), (std::vector<int64_t>{40, 33}));
  EXPECT_GE(batch.pictures_BCHW.min().item<float>(), 0);
  EXPECT_LE(batch.pictures_BCHW.max().item<float>(), 1);
  EXPECT_TRUE(at::allclose(batch.targets_BK.sum(1), at::ones({40})));
  const at::Tensor certain = batch.targets_BK.amax(1).eq(1);
  EXPECT_EQ(certain.sum().item<int64_t>(), 32);
  EXPECT_TRUE(certain.narrow(0, 0, 32).all().item<bool>());
  for (const double share : {0.0, 0.03, 0.1}) {  // none, one and one of each kind without a character
    ReaderTrainingConfig config = small();
    config.augment.garbage = share;
    EXPECT_EQ(draw_reader_batch(config, renderer, 3).pictures_BCHW.size(0), 40) << share;
  }
}

TEST(pretrain_reader, a_batch_is_a_function_of_seed_and_step) {
  glyphs::GlyphRenderer renderer;
  const ReaderBatch first = draw_reader_batch(small(), renderer, 3);
  draw_reader_batch(small(), renderer, 9);
  EXPECT_TRUE(at::equal(first.pictures_BCHW, draw_reader_batch(small(), renderer, 3).pictures_BCHW));
  EXPECT_FALSE(at::equal(first.pictures_BCHW, draw_reader_batch(small(), renderer, 4).pictures_BCHW));
  ReaderTrainingConfig other = small();
  other.seed = 2;
  EXPECT_FALSE(at::equal(first.pictures_BCHW, draw_reader_batch(other, renderer, 3).pictures_BCHW));
}

TEST(pretrain_reader, without_disturbance_the_glyphs_are_as_rendered) {
  ReaderTrainingConfig config = small();
  static_cast<train::Disturbance&>(config.augment) = {};
  config.augment.garbage = 0;
  glyphs::GlyphRenderer renderer;
  const at::Tensor steps = draw_reader_batch(config, renderer, 0).pictures_BCHW * 255;
  EXPECT_LT((steps - steps.round()).abs().max().item<float>(), 1e-3);  // still 8-bit values
}

// Chance is 0.03.
TEST(pretrain_reader, learns_within_eighty_steps) {
  const testing::TempFolder folder;
  ReaderTrainingConfig config = small();
  config.steps = 80;
  config.warmup = 20;
  config.holdout = 300;
  config.output = (folder / "reader").string();
  const ReaderQuality report = pretrain_reader(config);
  EXPECT_GT(report.accuracy, 0.2);
  EXPECT_GT(report.mean_probability, 0.1);
  EXPECT_LT(report.garbage_confidence, 0.6);
  EXPECT_EQ(models::Reader::open(config.output, {}).config().characters, glyphs::glyph_characters());
}

// Fifty-five faces take longer than a test has: what they take is in face_classifier_test.cpp.
TEST(pretrain_reader, trains_on_faces_too) {
  const testing::TempFolder folder;
  ReaderTrainingConfig config = small();
  config.task = "faces";
  config.steps = 5;
  config.holdout = 300;
  config.output = (folder / "faces").string();
  const ReaderQuality report = pretrain_reader(config);
  EXPECT_GE(report.style_accuracy, report.accuracy);
  EXPECT_GT(report.style_accuracy, 0);
  const models::ReaderConfig read = models::Reader::open(config.output, {}).config();
  EXPECT_EQ(read.classes, face_classes());
  EXPECT_EQ(read.characters, "");
  EXPECT_EQ(draw_reader_batch(config, *std::make_unique<GlyphRenderer>(), 0).targets_BK.size(1), 55);
}

}  // namespace pretrain_reader_test
}  // namespace gamut::glyphs
