// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/table.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <set>

namespace gamut::eval {
namespace table_test {

Evaluation some_evaluation() {
  Evaluation out;
  double value = 0.5;
  for (const Measure& measure : measure_table()) out.set(measure.key, value += 1.0 / 3);
  int64_t count = 10;
  for (int64_t* number :
       {&out.reward_failures, &out.judge_failures, &out.prompts, &out.members, &out.steps, &out.seed})
    *number = ++count;
  out.seconds = 0.125;
  out.reward_failure = "too dark";
  out.judge_failure = "too small";
  out.per_prompt["reward"] = {0.25, 0.5};
  return out;
}

Evaluation with_scores(double reward, double judge = 0) {
  Evaluation out;
  out.set("reward", reward);
  out.set("judge", judge);
  return out;
}

TEST(table, two_columns_and_their_change) {
  Evaluation base = with_scores(0.25), tuned = with_scores(0.75);
  base.set("vendi", 9.5);
  tuned.set("vendi", 3.25);
  tuned.set("recall", 0.5);
  tuned.prompts = 4;
  tuned.members = 16;
  tuned.seed = 1000;
  EXPECT_EQ(comparison_table({{"base", base}, {"tuned", tuned}}),
            "                                  base       tuned      change\n"
            "reward (mean)                    0.250       0.750      +0.500\n"
            "judge (mean)                     0.000       0.000      +0.000\n"
            "Vendi score                      9.500       3.250      -6.250\n"
            "recall of the base                   -       0.500           -\n"
            "(4 prompts x 16 pictures, seed 1000)\n");
}

TEST(table, says_what_was_measured_and_puts_raw_weights_beside) {
  Evaluation base = with_scores(0.25), tuned = with_scores(0.75), raw = with_scores(0.875);
  tuned.prompts = raw.prompts = 4;
  tuned.members = raw.members = 16;
  const std::string table = comparison_table({{"base", base, "models/x"},
                                              {"tuned", tuned, "runs/y, step 6"},
                                              {"raw", raw, "runs/y, raw weights", true}});
  EXPECT_TRUE(
      table.starts_with("                                  base       tuned      change         raw\n"
                        "reward (mean)                    0.250       0.750      +0.500       0.875\n"))
      << table;
  EXPECT_TRUE(
      table.ends_with("(4 prompts x 16 pictures, seed 0)\n(base: models/x)\n(tuned: runs/y, step 6)\n"
                      "(raw: runs/y, raw weights)\n"))
      << table;
}

TEST(table, a_mean_over_evaluations) {
  Evaluation one = some_evaluation(), two = some_evaluation();
  one.set("reward", 0.25);
  two.set("reward", 0.5);
  const Evaluation mean = mean_evaluation({one, two});
  EXPECT_DOUBLE_EQ(mean["reward"], 0.375);
  EXPECT_DOUBLE_EQ(mean["vendi"], one["vendi"]);
  EXPECT_EQ(mean.prompts, one.prompts);
}

TEST(table, measures_have_no_change_but_their_own_origin) {
  Evaluation main = with_scores(0.5), heldout = with_scores(0.25);
  main.prompts = 4;
  main.members = 16;
  heldout.prompts = 2;
  heldout.members = 3;
  heldout.set("vendi", 0.75);
  const std::string table = measures_table({{"value", main}, {"held-out", heldout}});
  EXPECT_EQ(table.find("change"), std::string::npos);
  EXPECT_NE(
      table.find("Vendi score                          -       0.750\n"
                 "(value: 4 prompts x 16 pictures, seed 0)\n(held-out: 2 prompts x 3 pictures, seed 0)\n"),
      std::string::npos)
      << table;
  EXPECT_EQ(measures_table({{"value", main}}), comparison_table({{"value", main}}));
}

TEST(table, what_was_not_scored_is_a_dash) {
  Evaluation base = with_scores(std::numeric_limits<double>::quiet_NaN()), tuned = with_scores(0);
  base.prompts = tuned.prompts = 2;
  base.members = tuned.members = 3;
  base.reward_failures = 6;
  base.reward_failure = "too dark";
  tuned.judge_failures = 1;
  const std::string table = comparison_table({{"base", base}, {"tuned", tuned}});
  EXPECT_NE(table.find("reward (mean)                        -       0.000           -\n"), std::string::npos)
      << table;
  EXPECT_TRUE(
      table.ends_with("(2 prompts x 3 pictures, seed 0)\n"
                      "(base: the reward could not score 6 of 6 pictures; first reason: too dark)\n"
                      "(tuned: the judge could not score 1 of 6 pictures)\n"))
      << table;
  EXPECT_EQ(total_failure(base), "the reward could not score 6 of 6 pictures; first reason: too dark");
  EXPECT_EQ(total_failure(tuned), "");
}

TEST(table, what_was_not_scored_is_null_in_json) {
  Evaluation none = some_evaluation();
  for (const char* key : {"judge", "judge_exact"}) none.set(key, std::numeric_limits<double>::quiet_NaN());
  const nlohmann::json row = nlohmann::json::parse(none.to_json().dump());
  EXPECT_TRUE(row["judge"].is_null());
  EXPECT_TRUE(std::isnan(evaluation_from_json(row)["judge"]));
  EXPECT_EQ(evaluation_from_json(row).judge_failure, "too small");
  nlohmann::json old = row;
  old.update({{"reward", 0.0}, {"reward_failures", 6}, {"prompts", 2}, {"members", 3}});
  EXPECT_TRUE(std::isnan(evaluation_from_json(old)["reward"]));
}

TEST(table, only_two_columns_have_a_change) {
  const Evaluation a = with_scores(1), b = with_scores(5), c = with_scores(3);
  EXPECT_EQ(comparison_table({{"a", a}}).find("change"), std::string::npos);
  EXPECT_NE(comparison_table({{"a", a}, {"b", b}, {"c", c}})
                .find("reward (mean)                    1.000       5.000       3.000\n"),
            std::string::npos);
}

TEST(table, long_names_widen_their_column) {
  const Evaluation a = with_scores(1), b = with_scores(2);
  const std::string table = comparison_table({{"base", a}, {"diverse_grpo-seed-1", b}, {"x", a}});
  EXPECT_NE(table.find("        base  diverse_grpo-seed-1           x\n"), std::string::npos) << table;
  EXPECT_NE(table.find("reward (mean)                    1.000                2.000       1.000\n"),
            std::string::npos)
      << table;
}

TEST(table, an_evaluation_goes_through_json) {
  const Evaluation before = some_evaluation();
  const nlohmann::json row = nlohmann::json::parse(before.to_json().dump());
  const Evaluation after = evaluation_from_json(row);
  EXPECT_EQ(after.to_json(), before.to_json());
  EXPECT_EQ(after["reward"], before["reward"]);
  EXPECT_EQ(after.seed, before.seed);
  EXPECT_EQ(after.values, before.values);
  std::set<nlohmann::json> values;
  for (const auto& [key, value] : row.items())
    EXPECT_TRUE(values.insert(value).second) << key;  // no two keys alike
  EXPECT_EQ(row.size(), measure_table().size() + 10);
}

// As they were written before a measure that does not apply was left out, and before these measures were
// there.
TEST(table, rows_of_earlier_versions_are_read) {
  nlohmann::json row = with_scores(0.5, 0.25).to_json();
  row.update({{"vendi", 3.5}, {"reward_exact", 0.0}, {"colors_obeyed", nullptr}, {"something", 1}});
  const Evaluation old = evaluation_from_json(row);
  EXPECT_EQ(old["reward"], 0.5);
  EXPECT_EQ(old["vendi"], 3.5);
  EXPECT_TRUE(old.has("reward_exact"));
  for (const char* key : {"recall", "pvs", "prediction_norm", "something", "colors_obeyed"})
    EXPECT_FALSE(old.has(key)) << key;
}

TEST(table, a_row_without_a_number_is_a_data_error) {
  nlohmann::json row = some_evaluation().to_json();
  row["vendi"] = "high";
  EXPECT_EQ(testing::message_of<DataError>([&] { evaluation_from_json(row); }),
            "[eval] an evaluation's row must hold the number 'vendi'");
  row.erase("vendi");
  EXPECT_FALSE(evaluation_from_json(row).has("vendi"));  // it did not apply
  row.erase("reward");
  EXPECT_EQ(testing::message_of<DataError>([&] { evaluation_from_json(row); }),
            "[eval] an evaluation's row must hold the number 'reward'");
}

}  // namespace table_test
}  // namespace gamut::eval
