// SPDX-License-Identifier: Apache-2.0
// The glyph task's measures on pictures whose colors follow by hand.
#include "gamut/tasks/glyphs/color_measures.h"

#include "gamut/eval/evaluate.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/tasks/tasks.h"
#include "eval/crafted.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::glyphs {
namespace color_measures_test {

using eval::Color;
using eval::square;

constexpr Color kBlack{0, 0, 0}, kWhite{1, 1, 1}, kRed{1, 0, 0}, kBlue{0, 0, 1};

Color named(const std::string& name) {
  for (const NamedColor& color : glyph_colors())
    if (color.name == name)
      return {color.center[0] / 255.0, color.center[1] / 255.0, color.center[2] / 255.0};
  throw std::runtime_error("no color " + name);
}

eval::Evaluation measured(const std::vector<at::Tensor>& pictures, const std::vector<text::Prompt>& prompts) {
  tasks::register_tasks();
  eval::CraftedReward reward([](const at::Tensor&, const text::Prompt&) { return 1.0; });
  return eval::measure(at::stack(pictures), prompts, {.reward = reward, .judge = reward}).numbers;
}

TEST(color_measures, pairs_are_counted_within_prompts) {
  const std::vector<at::Tensor> pictures{
      square(kBlack, kWhite), square(kBlack, kWhite), square(kBlack, kWhite), square(kBlack, kWhite),
      square(kBlack, kWhite), square(kWhite, kBlack), square(kRed, kWhite),   square(kBlue, kWhite)};
  const eval::Evaluation got = measured(pictures, {{"p", "A", {}}, {"q", "B", {}}});
  EXPECT_NEAR(got["color_pairs"], (1 + 4) / 2.0, 1e-9);
  ASSERT_EQ(got.per_prompt.at("color_pairs").size(), 2u);
  EXPECT_NEAR(got.per_prompt.at("color_pairs")[0], 1, 1e-9);
  EXPECT_NEAR(got.per_prompt.at("color_pairs")[1], 4, 1e-9);
  EXPECT_NEAR(got.per_prompt.at("contrast")[0], 21, 1e-6);  // black on white
  EXPECT_FALSE(got.has("color_accuracy"));
}

TEST(color_measures, only_glyphs_have_ink_and_ground) {
  const std::vector<at::Tensor> pictures(2, square(kBlack, kWhite));
  for (const std::string key : {"color_pairs", "contrast"}) {
    EXPECT_TRUE(measured(pictures, {{"the digit 7", "7", {}}}).has(key)) << key;
    EXPECT_FALSE(measured(pictures, {{"a cat", "", {}}}).has(key)) << key;
    EXPECT_FALSE(
        measured({at::zeros({3, 64, 64}), at::ones({3, 64, 64})}, {{"a sign that says \"7\"", "7", {}}})
            .has(key))
        << key;
  }
}

TEST(color_measures, accuracy_counts_where_colors_were_asked) {
  const Color ink = named("dark red"), ground = named("white");
  const std::vector<at::Tensor> pictures{square(ink, ground),    square(ground, ink),    // right, swapped
                                         square(ink, ground),    square(kBlue, ground),  // right, wrong ink
                                         square(kBlack, kWhite), square(kBlack, kWhite)};
  const std::map<std::string, std::string> asked{{"ink", "dark red"}, {"ground", "white"}};
  const eval::Evaluation got =
      measured(pictures, {{"p", "A", asked}, {"q", "A", asked}, {"r", "A", {{"ink", "black"}}}});
  EXPECT_NEAR(got["color_accuracy"], 0.5, 1e-12);
  EXPECT_EQ(got.per_prompt.at("color_accuracy")[0], 0.5);
  EXPECT_EQ(got.per_prompt.at("color_accuracy")[1], 0.5);
  EXPECT_TRUE(std::isnan(got.per_prompt.at("color_accuracy")[2]));  // asks for an ink only
}

TEST(color_measures, the_former_key_is_read) {
  nlohmann::json row = measured({square(kBlack, kWhite), square(kBlack, kWhite)}, {{"p", "A", {}}}).to_json();
  row["colors_obeyed"] = 0.75;
  row["per_prompt"]["colors_obeyed"] = {0.75};
  const eval::Evaluation read = eval::evaluation_from_json(row);
  EXPECT_EQ(read["color_accuracy"], 0.75);
  EXPECT_EQ(read.per_prompt.at("color_accuracy"), std::vector<double>{0.75});
  EXPECT_FALSE(read.to_json().contains("colors_obeyed"));
}

}  // namespace color_measures_test
}  // namespace gamut::glyphs
