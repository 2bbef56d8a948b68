// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/clip_score.h"

#include "gamut/core/error.h"
#include "rewards/clip_model.h"
#include "rewards/glyph_pictures.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gamut::rewards {
namespace clip_score_test {

using testing::message_of;
using testing::TempFolder;

constexpr const char* kShipped = GAMUT_SOURCE_DIR "/models/glyphs-clip";

TEST(clip_score, is_the_cosine_of_picture_and_prompt) {
  const TempFolder folder;
  const models::Clip clip = write_clip(folder);
  const at::Tensor pictures = at::rand({3, 3, 32, 32});
  const std::vector<text::Prompt> prompts = {glyph_prompt('7'), glyph_prompt('K'), glyph_prompt('7')};
  const auto reward = make_clip_score(folder.path().string());
  const Scores scores = reward->score(pictures, prompts);
  EXPECT_EQ(reward->name(), "clip_score");
  for (size_t i = 0; i < 3; ++i) {
    const at::Tensor image = clip.image_embeddings(clip.preprocess(pictures.narrow(0, int64_t(i), 1)));
    const at::Tensor text = clip.text_embeddings(clip.tokenize({prompts[i].text}));
    EXPECT_NEAR(scores.value[i], (image * text).sum().item<double>(), 1e-5);
    EXPECT_EQ(scores.exact[i], 0);
  }
  EXPECT_EQ(scores.num_failed(), 0);
}

TEST(clip_score, does_not_depend_on_the_batch) {
  const GlyphPictures glyphs = random_glyphs(37, 5);
  const auto reward = make_clip_score(kShipped);
  const Scores together = reward->score(glyphs.pictures, glyphs.prompts);
  for (size_t i = 0; i < 37; i += 6)
    EXPECT_EQ(together.value[i],
              reward->score(glyphs.pictures.narrow(0, int64_t(i), 1), {&glyphs.prompts[i], 1}).value[0])
        << i;
}

TEST(clip_score, shipped_model_prefers_the_right_caption) {
  const glyphs::GlyphSet set = glyphs::make_glyph_set(256, 77);
  std::vector<text::Prompt> right, wrong;
  for (size_t i = 0; i < 256; ++i) {
    right.push_back({glyphs::glyph_caption(set.specs[i], true, true), "", {}});
    wrong.push_back({glyphs::glyph_caption(set.specs[(i + 1) % 256], true, true), "", {}});
  }
  const at::Tensor pictures = nn::images_to_tensor(set.images);
  const auto reward = make_clip_score(kShipped);
  const Scores own = reward->score(pictures, right), other = reward->score(pictures, wrong);
  int better = 0;
  for (size_t i = 0; i < 256; ++i) better += own.value[i] > other.value[i];
  EXPECT_GE(better, 253);
}

TEST(clip_score, a_picture_that_is_not_finite_fails_alone) {
  const TempFolder folder;
  write_clip(folder);
  at::Tensor pictures = at::rand({2, 3, 32, 32});
  pictures[0][1][30][2] = std::numeric_limits<float>::infinity();
  const std::vector<text::Prompt> prompts(2, glyph_prompt('7'));
  const Scores scores = make_clip_score(folder.path().string())->score(pictures, prompts);
  EXPECT_EQ(scores.failure, (std::vector<std::string>{"non-finite picture", ""}));
  EXPECT_TRUE(std::isnan(scores.value[0]));
  EXPECT_TRUE(std::isfinite(scores.value[1]));
}

TEST(clip_score, a_missing_folder_is_an_environment_error) {
  EXPECT_NE(message_of<EnvironmentError>([] { make_clip_score("no/such/folder"); }).find("'no/such/folder'"),
            std::string::npos);
}

}  // namespace clip_score_test
}  // namespace gamut::rewards
