// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/ocr.h"

#include "gamut/core/error.h"
#include "gamut/rewards/tesseract_engine.h"
#include "rewards/glyph_pictures.h"
#include "support/message_of.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace gamut::rewards {
namespace ocr_test {

using testing::message_of;

Scores score(const GlyphPictures& glyphs, const OcrOptions& options = {}) {
  return make_ocr_reward(options)->score(glyphs.pictures, glyphs.prompts);
}

TEST(ocr, reads_digits_of_a_clean_sans_font_exactly) {
  const Scores scores = score(clean_glyphs("0123456789", "Lato-Bold"));
  EXPECT_EQ(scores.num_failed(), 0);
  for (size_t digit = 1; digit < 10; ++digit) {
    EXPECT_EQ(scores.value[digit], 1.0) << digit;
    EXPECT_EQ(scores.exact[digit], 1) << digit;
  }
}

TEST(ocr, another_character_scores_nothing) {
  GlyphPictures glyphs = clean_glyphs("234567", "Lato-Bold");
  std::rotate(glyphs.prompts.begin(), glyphs.prompts.begin() + 1, glyphs.prompts.end());
  for (const OcrForm form : {OcrForm::kDistance, OcrForm::kConfidence}) {
    const Scores scores = score(glyphs, {.form = form});
    for (size_t i = 0; i < scores.value.size(); ++i) {
      EXPECT_LT(scores.value[i], 0.5) << i;
      EXPECT_EQ(scores.exact[i], 0) << i;
    }
  }
}

TEST(ocr, confidence_in_what_is_there_is_high) {
  const Scores scores = score(clean_glyphs("23456789", "Lato-Bold"), {.form = OcrForm::kConfidence});
  for (const double value : scores.value) {
    EXPECT_GT(value, 0.7);
    EXPECT_LE(value, 1.0);
  }
}

TEST(ocr, reads_most_real_glyphs) {
  const GlyphPictures glyphs = random_glyphs(300, 11);
  const Scores scores = score(glyphs);
  const int64_t exact = std::count(scores.exact.begin(), scores.exact.end(), 1);
  EXPECT_GE(exact, 300 * 0.85);  // 0.90 ± 0.017 (one standard error) is expected
}

TEST(ocr, colours_do_not_matter_when_their_luminance_agrees) {
  GlyphPictures glyphs = clean_glyphs("23456789", "Lato-Bold");
  const at::Tensor ink = at::tensor({0.9, 0.1, 0.1}).view({1, 3, 1, 1}).to(at::kFloat);
  const at::Tensor ground = at::tensor({0.1, 0.52, 0.05}).view({1, 3, 1, 1}).to(at::kFloat);
  glyphs.pictures = at::lerp(ink, ground, glyphs.pictures);
  const Scores scores = score(glyphs);
  EXPECT_EQ(std::count(scores.exact.begin(), scores.exact.end(), 1), 8);
}

// A picture's score is the same alone, in any batch, at any place in it and with any number of threads.
TEST(ocr, does_not_depend_on_the_batch) {
  const GlyphPictures glyphs = random_glyphs(48, 5);
  for (const OcrForm form : {OcrForm::kDistance, OcrForm::kConfidence}) {
    const auto reward = make_ocr_reward({.form = form});
    const Scores together = reward->score(glyphs.pictures, glyphs.prompts);
    const std::vector<text::Prompt> reversed(glyphs.prompts.rbegin(), glyphs.prompts.rend());
    const Scores backwards = reward->score(glyphs.pictures.flip(0), reversed);
    const int threads = at::get_num_threads();
    at::set_num_threads(threads == 1 ? 2 : 1);
    const Scores other_threads = make_ocr_reward({.form = form})->score(glyphs.pictures, glyphs.prompts);
    at::set_num_threads(threads);
    for (size_t i = 0; i < 48; ++i) {
      EXPECT_EQ(together.value[i], backwards.value[47 - i]) << i;
      EXPECT_EQ(together.value[i], other_threads.value[i]) << i;
      EXPECT_EQ(together.value[i],
                reward->score(glyphs.pictures.narrow(0, int64_t(i), 1), {&glyphs.prompts[i], 1}).value[0])
          << i;
    }
  }
}

TEST(ocr, failures_have_a_status_and_leave_the_others_alone) {
  GlyphPictures glyphs = clean_glyphs("4567", "Lato-Bold");
  glyphs.pictures[1][0][3][3] = std::numeric_limits<float>::quiet_NaN();
  glyphs.pictures[2][2][0][0] = std::numeric_limits<float>::infinity();
  glyphs.prompts[3].target.clear();
  const Scores scores = score(glyphs);
  EXPECT_EQ(scores.num_failed(), 3);
  EXPECT_EQ(scores.failure, (std::vector<std::string>{"", "non-finite picture", "non-finite picture",
                                                      "prompt without a target"}));
  EXPECT_EQ(scores.value[0], 1.0);
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_TRUE(std::isnan(scores.value[i]));
    EXPECT_EQ(scores.exact[i], 0);
  }
}

TEST(ocr, empty_and_blank_batches_are_scored) {
  EXPECT_TRUE(make_ocr_reward({})->score(at::zeros({0, 3, 32, 32}), {}).value.empty());
  const std::vector<text::Prompt> prompts = {glyph_prompt('8'), glyph_prompt('8')};
  const at::Tensor blank = at::stack({at::zeros({3, 32, 32}), at::full({3, 32, 32}, 0.6)});
  const Scores scores = make_ocr_reward({})->score(blank, prompts);
  EXPECT_EQ(scores.value, (std::vector<double>{0, 0}));
}

TEST(ocr, confidence_counts_surplus_symbols) {
  const Reading reading{
      "Kk7", {{"K", {{"K", 0.8}, {"x", 0.1}}}, {"k", {{"k", 0.6}}}, {"7", {{"7", 0.5}, {"T", 0.4}}}}};
  EXPECT_DOUBLE_EQ(confidence_in(reading, "K7"), (0.8 + 0.5) / 2);  // the twin is dropped
  EXPECT_DOUBLE_EQ(confidence_in(reading, "kt"), (0.8 + 0.4) / 2);
  EXPECT_DOUBLE_EQ(confidence_in(reading, "K"), 0.8 / 2);
  EXPECT_DOUBLE_EQ(confidence_in(reading, "Z"), 0);
  EXPECT_DOUBLE_EQ(confidence_in({}, "Z"), 0);
}

TEST(ocr, missing_language_data_names_the_package) {
  EXPECT_EQ(
      message_of<EnvironmentError>([] { make_ocr_reward({.tessdata = "/nonexistent"}); }),
      "[ocr] Tesseract needs its English data; got no 'eng.traineddata' in '/nonexistent'; install it with: "
      "apt install tesseract-ocr-eng");
}

// `build/tests_rewards --gtest_also_run_disabled_tests --gtest_filter=ocr.DISABLED_*` prints the table of
// docs/rewards.md.
TEST(ocr, DISABLED_table_of_preparations) {
  constexpr int64_t kCount = 1980;
  const GlyphPictures glyphs = random_glyphs(kCount, 7);
  const auto row = [&](const char* color_name, const OcrPreparation& preparation) {
    const auto reward = make_ocr_reward({.preparation = preparation});
    reward->score(glyphs.pictures.narrow(0, 0, 8), std::span(glyphs.prompts).first(8));
    const std::clock_t start = std::clock();  // processor time, so that other programs do not count
    const Scores scores = reward->score(glyphs.pictures, glyphs.prompts);
    const double milliseconds = 1e3 * double(std::clock() - start) / CLOCKS_PER_SEC;
    double value = 0;
    for (const double v : scores.value) value += v / kCount;
    std::printf("| %s | %d | %d | %d | %s | %.3f | %.3f | %.2f |\n", color_name, int(preparation.scale),
                int(preparation.padding), int(preparation.page_mode),
                preparation.whitelist.empty() ? "no" : "yes", value,
                double(std::count(scores.exact.begin(), scores.exact.end(), 1)) / kCount,
                milliseconds / kCount);
  };
  std::printf(
      "| colours | scale | padding | mode | whitelist | reward | exact | ms "
      "|\n|---|---|---|---|---|---|---|---|\n");
  const std::string known = glyphs::glyph_characters();
  for (const auto& [name, color] :
       {std::pair{"as they are", OcrColor::kRgb}, std::pair{"luminance", OcrColor::kLuma},
        std::pair{"two-tone", OcrColor::kTwoTone}})
    for (const std::string& whitelist : {std::string(), known})
      for (const int64_t scale : {1, 2, 3})
        row(name, {.color = color, .scale = scale, .padding = 4, .page_mode = 7, .whitelist = whitelist});
  for (const int64_t padding : {0, 2, 8}) row("two-tone", {.padding = padding});
  for (const int64_t mode : {6, 8, 10, 13}) row("two-tone", {.page_mode = mode});
}

}  // namespace ocr_test
}  // namespace gamut::rewards
