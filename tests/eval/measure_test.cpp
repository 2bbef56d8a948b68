// SPDX-License-Identifier: Apache-2.0
// measure() on pictures whose measures follow by hand.
#include "gamut/data/glyphs.h"
#include "gamut/eval/evaluate.h"
#include "crafted.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::eval {
namespace measure_test {

constexpr Color kBlack{0, 0, 0}, kWhite{1, 1, 1}, kRed{1, 0, 0}, kBlue{0, 0, 1};

Color named(const std::string& name) {
  for (const data::NamedColor& color : data::glyph_colors())
    if (color.name == name)
      return {color.center[0] / 255.0, color.center[1] / 255.0, color.center[2] / 255.0};
  throw std::runtime_error("no color " + name);
}

Evaluation measured(const std::vector<at::Tensor>& pictures, const std::vector<text::Prompt>& prompts) {
  CraftedReward reward(
      [](const at::Tensor& picture, const text::Prompt&) { return picture[0][0][0].item<double>(); });
  CraftedReward judge(
      [](const at::Tensor&, const text::Prompt& prompt) { return prompt.target == "a" ? 0.25 : 1.0; });
  return measure(at::stack(pictures), prompts, {.reward = reward, .judge = judge});
}

TEST(measure, identical_pictures_have_no_variety) {
  const Evaluation got = measured(std::vector<at::Tensor>(4, square(kBlack, kWhite)), {{"p", "a", {}}});
  EXPECT_NEAR(got.color_pairs, 1, 1e-9);
  EXPECT_EQ(got.color_spread, 0);
  EXPECT_EQ(got.pairwise_distance, 0);
  EXPECT_NEAR(got.vendi, 1, 1e-5);
  EXPECT_NEAR(got.contrast, 21, 1e-6);  // black on white
  EXPECT_EQ(got.prompts, 1);
  EXPECT_EQ(got.members, 4);
  EXPECT_FALSE(got.colors_obeyed);
}

// One prompt of four alike, one of four different: variety is measured within prompts and then averaged.
TEST(measure, variety_is_within_prompts) {
  const std::vector<at::Tensor> pictures{
      square(kBlack, kWhite), square(kBlack, kWhite), square(kBlack, kWhite), square(kBlack, kWhite),
      square(kBlack, kWhite), square(kWhite, kBlack), square(kRed, kWhite),   square(kBlue, kWhite)};
  const Evaluation got = measured(pictures, {{"p", "a", {}}, {"q", "b", {}}});
  EXPECT_NEAR(got.color_pairs, (1 + 4) / 2.0, 1e-9);
  EXPECT_GT(got.vendi, 1.2);
  EXPECT_LT(got.vendi, 2.5);
  // Square of 1/4 of the area. Black or white against another: distances by hand over the six pairs.
  const double opposite = 1, tinted = std::sqrt(1.0 / 4 / 3),
               inverse_tint = std::sqrt(3.0 / 4 + 1.0 / 4 * 2 / 3), red_blue = std::sqrt(1.0 / 4 * 2 / 3);
  EXPECT_NEAR(got.pairwise_distance, (opposite + 2 * tinted + 2 * inverse_tint + red_blue) / 6 / 2, 1e-6);
  EXPECT_EQ(got.prompts, 2);
  EXPECT_EQ(got.members, 4);
  ASSERT_EQ(got.per_prompt.at("color_pairs").size(), 2u);
  EXPECT_NEAR(got.per_prompt.at("color_pairs")[0], 1, 1e-9);
  EXPECT_NEAR(got.per_prompt.at("color_pairs")[1], 4, 1e-9);
  EXPECT_NEAR((got.per_prompt.at("vendi")[0] + got.per_prompt.at("vendi")[1]) / 2, got.vendi, 1e-12);
  EXPECT_FALSE(got.per_prompt.contains("colors_obeyed"));
}

// Grounds: white and black for prompt a, red and blue for prompt b. Only "a" on white is judged low.
TEST(measure, scores_meet_their_prompts_and_failures_leave_the_mean) {
  const std::vector<at::Tensor> pictures{square(kBlack, kWhite), square(kWhite, kBlack), square(kBlack, kRed),
                                         square(kBlack, kBlue)};
  auto ground = [](const at::Tensor& picture, int64_t channel) {
    return picture[channel][0][0].item<double>();
  };
  CraftedReward reward([&](const at::Tensor& picture, const text::Prompt&) {
    return ground(picture, 0) == 1 && ground(picture, 2) == 0 ? -1 : ground(picture, 0);
  });
  CraftedReward judge([&](const at::Tensor& picture, const text::Prompt& prompt) {
    return prompt.target == "a" && ground(picture, 1) == 1 ? 0.25 : 1.0;
  });
  const Evaluation got =
      measure(at::stack(pictures), {{"p", "a", {}}, {"q", "b", {}}}, {.reward = reward, .judge = judge});
  EXPECT_EQ(got.reward_failures, 1);        // red
  EXPECT_NEAR(got.reward, 1.0 / 3, 1e-12);  // 1, 0, failed, 0
  EXPECT_NEAR(got.reward_exact, 1.0 / 3, 1e-12);
  EXPECT_NEAR(got.judge, 3.25 / 4, 1e-12);
  EXPECT_NEAR(got.judge_exact, 0.75, 1e-12);
  EXPECT_EQ(got.judge_failures, 0);
  EXPECT_EQ(got.per_prompt.at("reward"), (std::vector<double>{0.5, 0}));  // 1, 0 | failed, 0
  EXPECT_EQ(got.per_prompt.at("judge"), (std::vector<double>{(0.25 + 1) / 2, 1}));
}

TEST(measure, a_prompt_without_scores_has_no_value) {
  CraftedReward reward([](const at::Tensor&, const text::Prompt& prompt) { return prompt.target == "a" ? -1 : 0.5; });
  CraftedReward judge([](const at::Tensor&, const text::Prompt&) { return 1.0; });
  const Evaluation got = measure(at::stack({square(kBlack, kWhite), square(kBlack, kWhite), square(kBlack, kWhite),
                                            square(kBlack, kWhite)}),
                                 {{"p", "a", {}}, {"q", "b", {}}}, {.reward = reward, .judge = judge});
  EXPECT_EQ(got.reward, 0.5);
  EXPECT_TRUE(std::isnan(got.per_prompt.at("reward")[0]));
  EXPECT_TRUE(got.to_json().at("per_prompt").at("reward")[0].is_null());
  EXPECT_TRUE(std::isnan(evaluation_from_json(nlohmann::json::parse(got.to_json().dump())).per_prompt.at("reward")[0]));
}

TEST(measure, obeyed_colors_are_counted_where_colors_were_asked) {
  const Color ink = named("dark red"), ground = named("white");
  const std::vector<at::Tensor> pictures{square(ink, ground),    square(ground, ink),    // right, swapped
                                         square(ink, ground),    square(kBlue, ground),  // right, wrong ink
                                         square(kBlack, kWhite), square(kBlack, kWhite)};
  const std::map<std::string, std::string> asked{{"ink", "dark red"}, {"ground", "white"}};
  const Evaluation got =
      measured(pictures, {{"p", "a", asked}, {"q", "a", asked}, {"r", "a", {{"ink", "black"}}}});
  ASSERT_TRUE(got.colors_obeyed);
  EXPECT_NEAR(*got.colors_obeyed, 0.5, 1e-12);
  EXPECT_EQ(got.per_prompt.at("colors_obeyed")[0], 0.5);
  EXPECT_EQ(got.per_prompt.at("colors_obeyed")[1], 0.5);
  EXPECT_TRUE(std::isnan(got.per_prompt.at("colors_obeyed")[2]));  // asks for an ink only
}

TEST(measure, a_checkerboard_is_all_high_frequency) {
  const at::Tensor lines = at::arange(32).remainder(2);
  const at::Tensor checkers =
      (lines.view({32, 1}) + lines.view({1, 32})).remainder(2).to(at::kFloat).expand({3, 32, 32});
  EXPECT_GT(measured({checkers, checkers}, {{"p", "a", {}}}).high_frequency, 0.95);
  EXPECT_EQ(measured({at::zeros({3, 32, 32}), at::ones({3, 32, 32})}, {{"p", "a", {}}}).high_frequency, 0);
}

}  // namespace measure_test
}  // namespace gamut::eval
