// SPDX-License-Identifier: Apache-2.0
// measure() on pictures whose measures follow by hand.
#include "gamut/eval/evaluate.h"
#include "crafted.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::eval {
namespace measure_test {

constexpr Color kBlack{0, 0, 0}, kWhite{1, 1, 1}, kRed{1, 0, 0}, kBlue{0, 0, 1};

Evaluation measured(const std::vector<at::Tensor>& pictures, const std::vector<text::Prompt>& prompts) {
  CraftedReward reward(
      [](const at::Tensor& picture, const text::Prompt&) { return picture[0][0][0].item<double>(); });
  CraftedReward judge(
      [](const at::Tensor&, const text::Prompt& prompt) { return prompt.target == "a" ? 0.25 : 1.0; });
  return measure(at::stack(pictures), prompts, {.reward = reward, .judge = judge}).numbers;
}

TEST(measure, identical_pictures_have_no_variety) {
  const Evaluation got = measured(std::vector<at::Tensor>(4, square(kBlack, kWhite)), {{"p", "a", {}}});
  EXPECT_EQ(got["color_spread"], 0);
  EXPECT_EQ(got["pairwise_distance"], 0);
  EXPECT_NEAR(got["vendi"], 1, 1e-5);
  EXPECT_EQ(got.prompts, 1);
  EXPECT_EQ(got.members, 4);
  EXPECT_FALSE(got.has("color_pairs"));  // a task's
}

// One prompt of four alike, one of four different: variety is measured within prompts and then averaged.
TEST(measure, variety_is_within_prompts) {
  const std::vector<at::Tensor> pictures{
      square(kBlack, kWhite), square(kBlack, kWhite), square(kBlack, kWhite), square(kBlack, kWhite),
      square(kBlack, kWhite), square(kWhite, kBlack), square(kRed, kWhite),   square(kBlue, kWhite)};
  const Evaluation got = measured(pictures, {{"p", "a", {}}, {"q", "b", {}}});
  EXPECT_GT(got["vendi"], 1.2);
  EXPECT_LT(got["vendi"], 2.5);
  // Square of 1/4 of the area. Black or white against another: distances by hand over the six pairs.
  const double opposite = 1, tinted = std::sqrt(1.0 / 4 / 3),
               inverse_tint = std::sqrt(3.0 / 4 + 1.0 / 4 * 2 / 3), red_blue = std::sqrt(1.0 / 4 * 2 / 3);
  EXPECT_NEAR(got["pairwise_distance"], (opposite + 2 * tinted + 2 * inverse_tint + red_blue) / 6 / 2, 1e-6);
  EXPECT_EQ(got.prompts, 2);
  EXPECT_EQ(got.members, 4);
  ASSERT_EQ(got.per_prompt.at("vendi").size(), 2u);
  EXPECT_NEAR(got.per_prompt.at("vendi")[0], 1, 1e-5);
  EXPECT_NEAR((got.per_prompt.at("vendi")[0] + got.per_prompt.at("vendi")[1]) / 2, got["vendi"], 1e-12);
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
      measure(at::stack(pictures), {{"p", "a", {}}, {"q", "b", {}}}, {.reward = reward, .judge = judge})
          .numbers;
  EXPECT_EQ(got.reward_failures, 1);           // red
  EXPECT_NEAR(got["reward"], 1.0 / 3, 1e-12);  // 1, 0, failed, 0
  EXPECT_NEAR(got["reward_exact"], 1.0 / 3, 1e-12);
  EXPECT_NEAR(got["judge"], 3.25 / 4, 1e-12);
  EXPECT_NEAR(got["judge_exact"], 0.75, 1e-12);
  EXPECT_EQ(got.judge_failures, 0);
  EXPECT_EQ(got.per_prompt.at("reward"), (std::vector<double>{0.5, 0}));  // 1, 0 | failed, 0
  EXPECT_EQ(got.per_prompt.at("judge"), (std::vector<double>{(0.25 + 1) / 2, 1}));
}

TEST(measure, a_prompt_without_scores_has_no_value) {
  CraftedReward reward(
      [](const at::Tensor&, const text::Prompt& prompt) { return prompt.target == "a" ? -1 : 0.5; });
  CraftedReward judge([](const at::Tensor&, const text::Prompt&) { return 1.0; });
  const Evaluation got = measure(at::stack({square(kBlack, kWhite), square(kBlack, kWhite),
                                            square(kBlack, kWhite), square(kBlack, kWhite)}),
                                 {{"p", "a", {}}, {"q", "b", {}}}, {.reward = reward, .judge = judge})
                             .numbers;
  EXPECT_EQ(got["reward"], 0.5);
  EXPECT_TRUE(std::isnan(got.per_prompt.at("reward")[0]));
  EXPECT_TRUE(got.to_json().at("per_prompt").at("reward")[0].is_null());
  EXPECT_TRUE(std::isnan(
      evaluation_from_json(nlohmann::json::parse(got.to_json().dump())).per_prompt.at("reward")[0]));
}

TEST(measure, exact_shares_are_of_rewards_that_read) {
  class Blind : public CraftedReward {
   public:
    using CraftedReward::CraftedReward;
    bool reads_text() const override { return false; }
  };
  Blind reward([](const at::Tensor&, const text::Prompt&) { return 0.5; });
  CraftedReward judge([](const at::Tensor&, const text::Prompt&) { return 1.0; });
  const Evaluation got = measure(at::stack({square(kBlack, kWhite), square(kBlack, kWhite)}),
                                 {{"p", "a", {}}}, {.reward = reward, .judge = judge})
                             .numbers;
  EXPECT_FALSE(got.has("reward_exact"));
  EXPECT_FALSE(got.to_json().contains("reward_exact"));
  EXPECT_EQ(got["judge_exact"], 1);
  EXPECT_FALSE(evaluation_from_json(nlohmann::json::parse(got.to_json().dump())).has("reward_exact"));
}

// Two prompts of four pictures. Of the first the base's four are drawn again in another order, of the second
// one picture four times: 4 of 4 and 1 of 4 of the base's are within reach. The output is twice the base's at
// one of two steps.
TEST(measure, the_base_is_compared_with) {
  std::vector<at::Tensor> base, now;
  for (const Color& color : {kBlack, kWhite, kRed, kBlue}) base.push_back(square(color, {0.5, 0.5, 0.5}));
  for (int64_t i = 0; i < 4; ++i) base.push_back(square(kWhite, {0.2 * double(i), 0, 0}));
  for (const size_t i : {2, 0, 3, 1, 5, 5, 5, 5}) now.push_back(base[i]);
  CraftedReward reward([](const at::Tensor&, const text::Prompt&) { return 1.0; });
  const Judges judges{.reward = reward, .judge = reward};
  const std::vector<text::Prompt> prompts{{"p", "a", {}}, {"q", "b", {}}};
  const at::Tensor norms = at::rand({2, 8}) + 1, twice_once = norms * at::tensor({2.0, 1.0}).view({2, 1});
  const Measured first = measure(at::stack(base), prompts, judges, norms, {.is_measured = true});
  EXPECT_EQ(first.numbers["recall"], 1);
  EXPECT_EQ(first.numbers["prediction_norm"], 1);
  const Evaluation later =
      measure(at::stack(now), prompts, judges, twice_once, {.trace = first.trace}).numbers;
  EXPECT_EQ(later.per_prompt.at("recall"), (std::vector<double>{1, 0.25}));
  EXPECT_EQ(later["recall"], 0.625);
  EXPECT_NEAR(later["prediction_norm"], 1.5, 1e-6);
  const Evaluation unknown = measure(at::stack(now), prompts, judges, norms).numbers;
  EXPECT_FALSE(unknown.has("recall"));
  EXPECT_FALSE(unknown.has("prediction_norm"));
  EXPECT_TRUE(unknown.has("pvs"));
}

TEST(measure, a_checkerboard_is_all_high_frequency) {
  const at::Tensor lines = at::arange(32).remainder(2);
  const at::Tensor checkers =
      (lines.view({32, 1}) + lines.view({1, 32})).remainder(2).to(at::kFloat).expand({3, 32, 32});
  EXPECT_GT(measured({checkers, checkers}, {{"p", "a", {}}})["high_frequency"], 0.95);
  EXPECT_EQ(measured({at::zeros({3, 32, 32}), at::ones({3, 32, 32})}, {{"p", "a", {}}})["high_frequency"], 0);
}

}  // namespace measure_test
}  // namespace gamut::eval
