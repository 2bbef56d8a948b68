// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/mix.h"

#include "gamut/core/error.h"
#include "gamut/rewards/pictures.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::rewards {
namespace mix_test {

using testing::message_of;

// Gives the values it was made with; NaN counts as a failure of its own.
class Fixed : public Reward {
 public:
  Fixed(std::string name, std::vector<double> values, uint8_t exact = 0)
      : name_(std::move(name)), values_(std::move(values)), exact_(exact) {}
  std::string name() const override { return name_; }
  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);
    scores.value = values_;
    scores.exact.assign(values_.size(), exact_);
    for (size_t i = 0; i < values_.size(); ++i)
      if (std::isnan(values_[i])) fail(scores, int64_t(i), "no idea");
    return scores;
  }

 private:
  std::string name_;
  std::vector<double> values_;
  uint8_t exact_;
};

Scores score_mix(std::vector<MixPart> parts, int64_t count) {
  return make_mix(std::move(parts))
      ->score(at::rand({count, 3, 4, 4}), std::vector<text::Prompt>(size_t(count)));
}

std::vector<MixPart> parts_of(std::unique_ptr<Reward> a, double weight_a, std::unique_ptr<Reward> b,
                              double weight_b) {
  std::vector<MixPart> parts;
  parts.push_back({weight_a, std::move(a)});
  parts.push_back({weight_b, std::move(b)});
  return parts;
}

TEST(mix, adds_raw_values_times_weights_and_keeps_each_part) {
  const Scores scores =
      score_mix(parts_of(std::make_unique<Fixed>("a", std::vector<double>{1, 2}), 2,
                         std::make_unique<Fixed>("b", std::vector<double>{10, -4}, 1), -0.5),
                2);
  EXPECT_EQ(scores.value, (std::vector<double>{-3, 6}));
  EXPECT_EQ(scores.exact, (std::vector<uint8_t>{1, 1}));
  EXPECT_EQ(scores.parts.at("a"), (std::vector<double>{1, 2}));
  EXPECT_EQ(scores.parts.at("b"), (std::vector<double>{10, -4}));
}

TEST(mix, a_part_that_fails_fails_the_picture_and_never_counts_as_zero) {
  const Scores scores = score_mix(parts_of(std::make_unique<Fixed>("a", std::vector<double>{1, 2}), 1,
                                           std::make_unique<Fixed>("b", std::vector<double>{NAN, 5}), 1),
                                  2);
  EXPECT_EQ(scores.failure, (std::vector<std::string>{"b: no idea", ""}));
  EXPECT_TRUE(std::isnan(scores.value[0]));
  EXPECT_EQ(scores.value[1], 7);
}

TEST(mix, a_recipe_names_kinds_and_weights) {
  const Recipe recipe =
      parse_recipe("kind = \"mix\"\nmix = { colorfulness = 0.5, jpeg_compressibility = 2 }\n", "r.toml");
  RewardConfig config;
  bind(recipe, config);
  const auto reward = make_reward(config);
  EXPECT_EQ(reward->name(), "2 jpeg_compressibility + 0.5 colorfulness");
  const at::Tensor pictures = at::rand({3, 3, 8, 8});
  const std::vector<text::Prompt> prompts(3);
  const Scores mixed = reward->score(pictures, prompts);
  const Scores color = make_reward({.kind = "colorfulness"})->score(pictures, prompts);
  const Scores size = make_reward({.kind = "jpeg_compressibility"})->score(pictures, prompts);
  for (size_t i = 0; i < 3; ++i) EXPECT_DOUBLE_EQ(mixed.value[i], 2 * size.value[i] + 0.5 * color.value[i]);
}

TEST(mix, without_weights_is_a_config_error) {
  EXPECT_EQ(message_of<ConfigError>([] { make_reward({.kind = "mix"}); }),
            "[reward] kind = \"mix\" needs at least one weight in [reward.mix]; got none; for example mix = "
            "{ pickscore = "
            "1.0, clip_score = 0.5 }");
  const Recipe recipe = parse_recipe("mix = { pickscroe = 1 }\n", "r.toml");
  RewardConfig config;
  EXPECT_NE(message_of<ConfigError>([&] { bind(recipe, config); }).find("'mix.pickscore'"),
            std::string::npos);
}

}  // namespace mix_test
}  // namespace gamut::rewards
