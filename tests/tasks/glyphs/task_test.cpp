// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/task.h"

#include "gamut/core/error.h"
#include "gamut/eval/evaluate.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "eval/crafted.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::glyphs {
namespace task_test {

TEST(task, is_registered_once) {
  tasks::register_tasks();
  tasks::register_tasks();
  ASSERT_EQ(tasks::task_table().size(), 1u);
  EXPECT_EQ(tasks::task_table().front().name, "glyphs");
  EXPECT_TRUE(eval::find_measure("color_accuracy"));
  EXPECT_EQ(eval::present_key("heldout.colors_obeyed"), "heldout.color_accuracy");
  EXPECT_EQ(eval::present_key("vendi"), "vendi");
  EXPECT_EQ(testing::message_of<ConfigError>([] { rewards::make_reward({.kind = "reader"}); }),
            "[reward] reward 'reader' needs model = folder of a reader; got none; docs/rewards.md says where "
            "it comes from");
}

TEST(task, fits_prompts_of_single_characters) {
  EXPECT_TRUE(tasks::task_of(std::vector<text::Prompt>{{"the digit 7", "7", {}}, {"the letter K", "K", {}}}));
  for (const char* target : {"", "KL", "O", "k"})
    EXPECT_FALSE(tasks::task_of(std::vector<text::Prompt>{{"the digit 7", "7", {}}, {"a cat", target, {}}}))
        << target;
}

TEST(task, real_glyphs_are_the_level_of_the_data) {
  tasks::register_tasks();
  eval::CraftedReward reward(
      [](const at::Tensor& picture, const text::Prompt&) { return picture.mean().item<double>(); });
  const std::vector<text::Prompt> prompts{{"the digit 7", "7", {}}, {"the letter K", "K", {}}};
  const at::Tensor pictures = draw_data(prompts, 3, 77);
  ASSERT_EQ(pictures.sizes(), at::IntArrayRef({6, 3, kGlyphSize, kGlyphSize}));
  EXPECT_TRUE(at::equal(pictures, draw_data(prompts, 3, 77)));
  const eval::Evaluation got =
      eval::evaluate_pictures(pictures, prompts, {.reward = reward, .judge = reward}, {.seed = 77}).numbers;
  EXPECT_GE(got["contrast"], kMinContrast * 0.8);  // blended edges cost a little
  EXPECT_GT(got["color_pairs"], 1.5);              // of at most 3: colors are drawn anew for each
  EXPECT_EQ(got.seed, 77);
  EXPECT_FALSE(got.has("recall"));  // data has no base
}

TEST(task, real_glyphs_need_one_known_character) {
  for (const char* target : {"KL", "", "O"})
    EXPECT_EQ(testing::message_of<DataError>([&] {
                draw_data({{"the letters", target, {}}}, 1, 0);
              }),
              std::string("[eval] real glyphs need a one-character target; got \"") + target +
                  "\" for prompt \"the letters\"");
}

}  // namespace task_test
}  // namespace gamut::glyphs
