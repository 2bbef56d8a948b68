// SPDX-License-Identifier: Apache-2.0
// Each rule of docs/report.md#warnings: it speaks when it must and keeps silent otherwise.
#include "gamut/eval/report_warnings.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gamut::eval {
namespace report_warnings_test {

using Values = std::map<std::string, double>;

// A finished run without fault.
ReportRun healthy() {
  ReportRun run;
  run.name = "run";
  run.iterations = run.steps_done = 100;
  run.finished = true;
  run.settings = {{"rollout.prompts_per_iteration", "4", "default"}};
  for (int64_t step = 0; step <= 100; step += 25)
    run.evaluations.push_back({.step = step,
                               .values = {{"reward", step == 0 ? 0.5 : 0.9},
                                          {"judge", step == 0 ? 0.4 : 0.7},
                                          {"color_spread", 0.2},
                                          {"color_pairs", 10}}});
  for (int64_t step = 1; step <= 100; ++step) {
    run.curves.steps.push_back(step);
    for (const auto& [key, value] : Values{{"ratio_max_deviation", 0},
                                           {"zero_std_ratio", 0.1},
                                           {"skipped_total", 0},
                                           {"reward_failures", 0},
                                           {"subset_fallbacks", 1}})
      run.curves.values[key].push_back(value);
  }
  return run;
}

std::vector<std::string> rules(const ReportRun& run) {
  std::vector<std::string> names;
  for (const Warning& warning : warnings_of(run)) names.push_back(warning.rule);
  return names;
}

void expect_only(const ReportRun& run, const std::string& rule) {
  const std::vector<std::string> found = rules(run);
  ASSERT_EQ(found.size(), 1u) << rule;
  EXPECT_EQ(found[0], rule);
}

TEST(report_warnings, a_healthy_run_has_none) { EXPECT_TRUE(rules(healthy()).empty()); }

TEST(report_warnings, ratio) {
  ReportRun run = healthy();
  run.curves.values["ratio_max_deviation"][40] = 9e-5;
  EXPECT_TRUE(rules(run).empty());
  run.curves.values["ratio_max_deviation"][40] = 2e-4;
  expect_only(run, "ratio-off-1");
}

// Effective numbers count from 1: of 10 pairs, 5.5 are half of the variety.
TEST(report_warnings, collapse) {
  ReportRun run = healthy();
  run.evaluations.back().values["color_pairs"] = 5.6;
  run.evaluations.back().values["color_spread"] = 0.101;
  EXPECT_TRUE(rules(run).empty());
  run.evaluations.back().values["color_pairs"] = 5.4;
  expect_only(run, "collapse");
  EXPECT_NE(warnings_of(run)[0].text.find("color_pairs (5.4 of 10)"), std::string::npos);
  run.evaluations.back().values["color_pairs"] = 10;
  run.evaluations.back().values["color_spread"] = 0.099;
  expect_only(run, "collapse");
}

TEST(report_warnings, hacking_needs_a_rising_reward_and_a_falling_judge) {
  ReportRun run = healthy();
  run.evaluations[1].values["judge"] = 0.75;
  EXPECT_TRUE(rules(run).empty()) << "the reward stayed";
  run.evaluations[1].values["reward"] = 0.89;
  expect_only(run, "hacking");
  run.evaluations[1].values["judge"] = 0.715;
  EXPECT_TRUE(rules(run).empty()) << "the judge fell by less than 0.02";
}

TEST(report_warnings, groups_without_signal_at_the_end) {
  ReportRun run = healthy();
  std::vector<double>& share = run.curves.values["zero_std_ratio"];
  std::fill(share.begin(), share.begin() + 75, 1.0);
  EXPECT_TRUE(rules(run).empty());
  std::fill(share.begin() + 75, share.end(), 0.6);
  expect_only(run, "zero-variance-groups");
}

TEST(report_warnings, still_rising) {
  ReportRun run = healthy();
  run.evaluations.back().values["reward"] = 0.915;  // 3.6 % of the gain
  EXPECT_TRUE(rules(run).empty());
  run.evaluations.back().values["reward"] = 0.93;
  expect_only(run, "still-rising");
}

TEST(report_warnings, subset_fell_back) {
  ReportRun run = healthy();
  for (double& refused : run.curves.values["subset_fallbacks"]) refused = 2.1;
  expect_only(run, "subset-fell-back");
}

TEST(report_warnings, skips_and_failures) {
  ReportRun run = healthy();
  run.curves.values["skipped_total"].back() = 3;
  expect_only(run, "skipped-updates");
  run = healthy();
  run.curves.values["reward_failures"][7] = 1;
  expect_only(run, "reward-failures");
}

TEST(report_warnings, an_empty_run_is_unfinished_and_nothing_else) {
  ReportRun run;
  run.name = "empty";
  run.iterations = 100;
  for (const std::string& rule : rules(run)) EXPECT_EQ(rule, "unfinished");
  EXPECT_FALSE(rules(run).empty());
}

// Raw weights, held-out prompts and reporting seeds are other questions.
TEST(report_warnings, looks_at_the_averaged_weights_on_trained_prompts) {
  ReportRun run = healthy();
  for (const char* weights : {"raw", "ema"})
    run.evaluations.push_back({.step = 100,
                               .role = "select",
                               .weights = weights,
                               .set = std::string(weights) == "raw" ? "prompts" : "heldout",
                               .values = {{"reward", 0.99}, {"judge", 0.1}, {"color_spread", 0.01}}});
  EXPECT_TRUE(rules(run).empty());
}

}  // namespace report_warnings_test
}  // namespace gamut::eval
