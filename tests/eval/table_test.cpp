// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/table.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace gamut::eval {
namespace table_test {

Evaluation some_evaluation() {
  Evaluation out;
  double value = 0.5;
  for (double* number :
       {&out.reward, &out.reward_exact, &out.judge, &out.judge_exact, &out.color_pairs, &out.color_spread,
        &out.pairwise_distance, &out.vendi, &out.feature_distance, &out.feature_vendi, &out.high_frequency, &out.contrast, &out.seconds})
    *number = value += 1.0 / 3;
  int64_t count = 10;
  for (int64_t* number :
       {&out.reward_failures, &out.judge_failures, &out.prompts, &out.members, &out.steps, &out.seed})
    *number = ++count;
  out.colors_obeyed = 0.125;
  out.per_prompt["reward"] = {0.25, 0.5};
  return out;
}

TEST(table, two_columns_and_their_change) {
  Evaluation base, tuned;
  base.reward = 0.25;
  base.color_pairs = 9.5;
  tuned.reward = 0.75;
  tuned.color_pairs = 3.25;
  tuned.prompts = 4;
  tuned.members = 16;
  tuned.seed = 1000;
  EXPECT_EQ(comparison_table({{"base", base}, {"tuned", tuned}}),
            "                                  base       tuned      change\n"
            "reward (mean)                    0.250       0.750      +0.500\n"
            "reward: read exactly             0.000       0.000      +0.000\n"
            "judge (mean)                     0.000       0.000      +0.000\n"
            "judge: read exactly              0.000       0.000      +0.000\n"
            "color pairs (effective)          9.500       3.250      -6.250\n"
            "color spread                     0.000       0.000      +0.000\n"
            "pairwise distance                0.000       0.000      +0.000\n"
            "Vendi score                      0.000       0.000      +0.000\n"
            "feature distance                 0.000       0.000      +0.000\n"
            "feature Vendi                    0.000       0.000      +0.000\n"
            "high-frequency energy            0.000       0.000      +0.000\n"
            "(4 prompts x 16 pictures, seed 1000)\n");
}

TEST(table, says_what_was_measured_and_puts_raw_weights_beside) {
  Evaluation base, tuned, raw;
  base.reward = 0.25;
  tuned.reward = 0.75;
  raw.reward = 0.875;
  tuned.prompts = raw.prompts = 4;
  tuned.members = raw.members = 16;
  const std::string table = comparison_table(
      {{"base", base, "models/x"}, {"tuned", tuned, "runs/y, step 6"}, {"raw", raw, "runs/y, raw weights", true}});
  EXPECT_TRUE(table.starts_with("                                  base       tuned      change         raw\n"
                                "reward (mean)                    0.250       0.750      +0.500       0.875\n"))
      << table;
  EXPECT_TRUE(table.ends_with("(4 prompts x 16 pictures, seed 0)\n(base: models/x)\n(tuned: runs/y, step 6)\n"
                              "(raw: runs/y, raw weights)\n"))
      << table;
}

TEST(table, a_mean_over_evaluations) {
  Evaluation one = some_evaluation(), two = some_evaluation();
  one.reward = 0.25;
  two.reward = 0.5;
  const Evaluation mean = mean_evaluation({one, two});
  EXPECT_DOUBLE_EQ(mean.reward, 0.375);
  EXPECT_DOUBLE_EQ(mean.vendi, one.vendi);
  EXPECT_EQ(mean.prompts, one.prompts);
}

TEST(table, measures_have_no_change_but_their_own_origin) {
  Evaluation main, heldout;
  main.prompts = 4;
  main.members = 16;
  heldout.prompts = 2;
  heldout.members = 3;
  heldout.colors_obeyed = 0.75;
  const std::string table = measures_table({{"value", main}, {"held-out", heldout}});
  EXPECT_EQ(table.find("change"), std::string::npos);
  EXPECT_NE(table.find("colors obeyed                        -       0.750\n"
                       "(value: 4 prompts x 16 pictures, seed 0)\n(held-out: 2 prompts x 3 pictures, seed 0)\n"),
            std::string::npos)
      << table;
  EXPECT_EQ(measures_table({{"value", main}}), comparison_table({{"value", main}}));
}

TEST(table, only_two_columns_have_a_change) {
  Evaluation a, b, c;
  a.reward = 1;
  b.reward = 5;
  c.reward = 3;
  EXPECT_EQ(comparison_table({{"a", a}}).find("change"), std::string::npos);
  EXPECT_NE(comparison_table({{"a", a}, {"b", b}, {"c", c}})
                .find("reward (mean)                    1.000       5.000       3.000\n"),
            std::string::npos);
}

TEST(table, long_names_widen_their_column) {
  Evaluation a, b;
  a.reward = 1;
  b.reward = 2;
  const std::string table = comparison_table({{"base", a}, {"diverse_grpo-seed-1", b}, {"x", a}});
  EXPECT_NE(table.find("        base  diverse_grpo-seed-1           x\n"), std::string::npos) << table;
  EXPECT_NE(table.find("reward (mean)                    1.000                2.000       1.000\n"), std::string::npos)
      << table;
}

TEST(table, an_evaluation_goes_through_json) {
  const Evaluation before = some_evaluation();
  const nlohmann::json row = nlohmann::json::parse(before.to_json().dump());
  const Evaluation after = evaluation_from_json(row);
  EXPECT_EQ(after.to_json(), before.to_json());
  EXPECT_EQ(after.reward, before.reward);
  EXPECT_EQ(after.seed, before.seed);
  ASSERT_TRUE(after.colors_obeyed);
  EXPECT_EQ(*after.colors_obeyed, 0.125);
  std::set<nlohmann::json> values;
  for (const auto& [key, value] : row.items())
    EXPECT_TRUE(values.insert(value).second) << key;  // no two keys alike
  EXPECT_EQ(row.size(), 21u);
}

TEST(table, asked_colors_may_be_absent) {
  Evaluation none = some_evaluation();
  none.colors_obeyed.reset();
  nlohmann::json row = none.to_json();
  EXPECT_TRUE(row["colors_obeyed"].is_null());
  EXPECT_FALSE(evaluation_from_json(row).colors_obeyed);
  row.erase("colors_obeyed");
  EXPECT_FALSE(evaluation_from_json(row).colors_obeyed);
}

TEST(table, a_row_without_a_number_is_a_data_error) {
  nlohmann::json row = some_evaluation().to_json();
  row["vendi"] = "high";
  EXPECT_EQ(testing::message_of<DataError>([&] { evaluation_from_json(row); }),
            "[eval] an evaluation's row must hold the number 'vendi'");
  row.erase("vendi");
  EXPECT_THROW(evaluation_from_json(row), DataError);
}

}  // namespace table_test
}  // namespace gamut::eval
