// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/group_record.h"

#include "train/tiny_training.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::train {
namespace group_record_test {

// The first iteration's groups, copied during the call.
std::vector<GroupRecord> observe(TinyRun& run, int64_t count) {
  std::vector<GroupRecord> seen;
  run.trainer.observe_credit([&](const CreditView& view) {
    for (GroupRecord& record : group_records(view, count)) seen.push_back(std::move(record));
  });
  run.iterate(1);
  return seen;
}

TEST(group_record, holds_each_members_own_picture_and_numbers) {
  TinyRun run(tiny_config("diverse_grpo"));
  const std::vector<GroupRecord> groups = observe(run, 10);
  ASSERT_EQ(groups.size(), 2u) << "as many as the iteration has";
  for (const GroupRecord& group : groups) {
    EXPECT_EQ(group.step, 1);
    EXPECT_FALSE(group.prompt.text.empty());
    const size_t members = size_t(group.pictures.size(0));
    ASSERT_EQ(group.rewards.size(), members);
    for (size_t m = 0; m < members; ++m) {
      // The reward is the picture's mean red, so the two belong together.
      EXPECT_NEAR(group.rewards[m], group.pictures[int64_t(m)][0].mean().item<double>(), 1e-6);
      EXPECT_EQ(group.kept[m], 1);
      EXPECT_TRUE(std::isfinite(group.credit.bonus[m]));
    }
    double sum = 0;
    for (const double advantage : group.credit.advantages) sum += advantage;
    EXPECT_NEAR(sum, 0, 1e-6);
  }
}

TEST(group_record, the_observer_changes_nothing) {
  TinyRun watched(tiny_config()), alone(tiny_config());
  observe(watched, 2);
  alone.iterate(1);
  const std::vector<at::Tensor> one = watched.weights(), two = alone.weights();
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i]));
}

TEST(group_record, json_has_null_for_a_member_without_a_score) {
  TinyRun run(tiny_config());
  run.reward.disturb = [](rewards::Scores& scores) {
    scores.value[0] = std::nan("");
    scores.failure[0] = "unreadable";
  };
  const std::vector<GroupRecord> groups = observe(run, 1);
  ASSERT_EQ(groups.size(), 1u);
  const nlohmann::ordered_json row = groups[0].to_json();
  EXPECT_TRUE(row["reward"][0].is_null());
  EXPECT_EQ(row["scored"][0], 0);
  EXPECT_EQ(row["kept"][0], 0);
  EXPECT_TRUE(row["bonus"][0].is_null());
  EXPECT_EQ(row["bonus"][1], 0.0) << "no shaping";
  for (const char* key : {"reward", "scored", "kept", "cluster", "diversity", "bonus", "shaped", "advantage"})
    EXPECT_EQ(row[key].size(), 6u) << key;
}

}  // namespace group_record_test
}  // namespace gamut::train
