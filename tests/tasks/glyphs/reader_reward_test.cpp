// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/reader_reward.h"

#include "gamut/core/error.h"
#include "gamut/models/reader/reader_net.h"
#include "gamut/rewards/reward.h"
#include "rewards/glyph_pictures.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

namespace gamut::glyphs {
namespace reader_reward_test {

constexpr const char* kShipped = GAMUT_SOURCE_DIR "/models/glyphs-reader";

TEST(reader_reward, shipped_reader_reads_real_glyphs) {
  const rewards::GlyphPictures glyphs = rewards::random_glyphs(330, 12);
  const rewards::Scores scores = make_reader_reward(kShipped)->score(glyphs.pictures, glyphs.prompts);
  EXPECT_EQ(scores.num_failed(), 0);
  EXPECT_GE(std::count(scores.exact.begin(), scores.exact.end(), 1), 325);  // 99.5 % are expected
}

TEST(reader_reward, shipped_reader_trusts_no_blank_or_noise) {
  at::manual_seed(1);
  const at::Tensor garbage =
      at::cat({at::rand({8, 3, 1, 1}).expand({8, 3, 32, 32}), at::rand({8, 3, 32, 32})});
  const auto reward = make_reader_reward(kShipped);
  for (const char character : glyphs::glyph_characters()) {
    const std::vector<text::Prompt> prompts(16, rewards::glyph_prompt(character));
    for (const double value : reward->score(garbage, prompts).value) EXPECT_LT(value, 0.5) << character;
  }
}

TEST(reader_reward, is_the_probability_of_the_asked_character) {
  const testing::TempFolder folder;
  models::Reader reader = models::Reader::create({.characters = "AB7"}, 3, {});
  reader.save(folder.path());
  const at::Tensor pictures = at::rand({5, 3, 32, 32});
  const at::Tensor expected = reader.net().logits(pictures).to(at::kDouble).softmax(1);
  const auto reward = make_reader_reward(folder.path());
  at::Tensor sum = at::zeros({5}, at::kDouble), exact = at::zeros({5}, at::kDouble);
  for (int64_t k = 0; k < 3; ++k) {
    const std::vector<text::Prompt> prompts(5, rewards::glyph_prompt("aB7"[k]));
    const rewards::Scores scores = reward->score(pictures, prompts);
    for (int64_t i = 0; i < 5; ++i) {
      // Summed in another order by another batch size.
      EXPECT_NEAR(scores.value[size_t(i)], expected[i][k].item<double>(), 1e-6);
      sum[i] += scores.value[size_t(i)];
      exact[i] += scores.exact[size_t(i)];
    }
  }
  EXPECT_TRUE(at::allclose(sum, at::ones_like(sum)));
  EXPECT_TRUE(at::equal(exact, at::ones_like(exact)));
}

TEST(reader_reward, does_not_depend_on_the_batch) {
  const rewards::GlyphPictures glyphs = rewards::random_glyphs(37, 5);
  const auto reward = make_reader_reward(kShipped);
  const rewards::Scores together = reward->score(glyphs.pictures, glyphs.prompts);
  const std::vector<text::Prompt> reversed(glyphs.prompts.rbegin(), glyphs.prompts.rend());
  const rewards::Scores backwards = reward->score(glyphs.pictures.flip(0), reversed);
  for (size_t i = 0; i < 37; ++i) {
    EXPECT_EQ(together.value[i], backwards.value[36 - i]) << i;
    EXPECT_EQ(together.value[i],
              reward->score(glyphs.pictures.narrow(0, int64_t(i), 1), {&glyphs.prompts[i], 1}).value[0])
        << i;
  }
}

TEST(reader_reward, failures_have_a_status_and_leave_the_others_alone) {
  rewards::GlyphPictures glyphs = rewards::random_glyphs(4, 5);
  glyphs.pictures[0][1][30][2] = std::numeric_limits<float>::quiet_NaN();
  glyphs.prompts[1].target = "42";
  glyphs.prompts[2].target = "";
  const rewards::Scores scores = make_reader_reward(kShipped)->score(glyphs.pictures, glyphs.prompts);
  EXPECT_EQ(scores.failure, (std::vector<std::string>{"non-finite picture",
                                                      "target '42' is not one of the reader's characters",
                                                      "prompt without a target", ""}));
  EXPECT_EQ(scores.num_failed(), 3);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(scores.value[i]));
  EXPECT_FALSE(std::isnan(scores.value[3]));
}

TEST(reader_reward, pictures_of_another_size_are_an_error) {
  const std::vector<text::Prompt> prompts = {rewards::glyph_prompt('7')};
  const auto reward = make_reader_reward(kShipped);
  EXPECT_EQ(testing::message_of<ConfigError>([&] {
              reward->score(at::zeros({1, 3, 64, 96}), prompts);
            }),
            "[reader] the reader reads pictures of 32x32; got 96x64; choose another reward for this model");
}

}  // namespace reader_reward_test
}  // namespace gamut::glyphs
