// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/advantage.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace gamut::algorithms {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Group group(std::vector<double> rewards) {
  const size_t count = rewards.size();
  return {.rewards = std::move(rewards), .scored = std::vector<uint8_t>(count, 1)};
}

std::vector<Group> random_groups(Stream& stream, int64_t count) {
  std::vector<Group> groups;
  for (int64_t g = 0; g < count; ++g) {
    std::vector<double> rewards;
    for (int64_t j = 0; j < 3 + stream.below(6); ++j) rewards.push_back(stream.uniform(-1, 2) + double(g));
    rewards.push_back(double(g));
    groups.push_back(group(std::move(rewards)));
  }
  return groups;
}

// All kinds without eps and clip, so that invariances are exact up to rounding.
std::vector<AdvantageConfig> plain_configs() {
  std::vector<AdvantageConfig> configs;
  for (const char* kind : {"group", "batch_std", "no_std"})
    for (const int64_t ddof : {0, 1})
      configs.push_back({.kind = kind, .std_ddof = ddof, .std_eps = 0, .clip = 1e9, .zero = "keep"});
  return configs;
}

void expect_near(const std::vector<std::vector<double>>& got,
                 const std::vector<std::vector<double>>& expected, double factor = 1) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t g = 0; g < got.size(); ++g) {
    ASSERT_EQ(got[g].size(), expected[g].size());
    for (size_t j = 0; j < got[g].size(); ++j)
      EXPECT_NEAR(got[g][j], expected[g][j] * factor, 1e-9) << g << ", " << j;
  }
}

// By hand: 0, 1, 2 has mean 1, population variance 2/3, sample variance 1.
TEST(advantage, three_rewards_by_hand) {
  const double root = std::sqrt(2.0 / 3.0);
  expect_near(assign_credit({group({0, 1, 2})}, {.kind = "group", .std_ddof = 0, .std_eps = 0}).advantages,
              {{-1 / root, 0, 1 / root}});
  expect_near(assign_credit({group({0, 1, 2})}, {.kind = "group", .std_ddof = 1, .std_eps = 0}).advantages,
              {{-1, 0, 1}});
  expect_near(assign_credit({group({0, 1, 2})}, {.kind = "group", .std_ddof = 1, .std_eps = 1}).advantages,
              {{-0.5, 0, 0.5}});
  expect_near(assign_credit({group({0, 1, 2})},
                            {.kind = "group", .std_ddof = 1, .std_eps = 0.5, .std_eps_form = "floor"})
                  .advantages,
              {{-1, 0, 1}});
  expect_near(assign_credit({group({0, 1, 2})},
                            {.kind = "group", .std_ddof = 1, .std_eps = 4, .std_eps_form = "floor"})
                  .advantages,
              {{-0.25, 0, 0.25}});
  // Batch: 0, 1, 2, 10, 10, 10 has mean 5.5 and population variance 20 + 7/12.
  expect_near(
      assign_credit({group({0, 1, 2}), group({10, 10, 10})}, {.kind = "batch_std", .std_eps = 0}).advantages,
      {{-1 / std::sqrt(20.0 + 7.0 / 12.0), 0, 1 / std::sqrt(20.0 + 7.0 / 12.0)}, {0, 0, 0}});
}

TEST(advantage, group_means_are_zero) {
  Stream stream(1, "test");
  const std::vector<Group> groups = random_groups(stream, 5);
  for (const AdvantageConfig& config : plain_configs())
    for (const std::vector<double>& row : assign_credit(groups, config).advantages)
      EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 0, 1e-9) << config.kind;
}

TEST(advantage, adding_a_constant_to_a_group_changes_nothing_within_it) {
  Stream stream(2, "test");
  const std::vector<Group> groups = random_groups(stream, 4);
  for (const AdvantageConfig& config : plain_configs()) {
    std::vector<Group> shifted = groups;
    // The whole batch's std sees shifts between groups, so all are shifted alike there.
    for (size_t g = 0; g < groups.size(); ++g)
      for (double& reward : shifted[g].rewards)
        reward += config.kind == "batch_std" ? 7.5 : 3.0 * double(g) - 4;
    expect_near(assign_credit(shifted, config).advantages, assign_credit(groups, config).advantages);
  }
}

TEST(advantage, scaling_all_rewards_changes_nothing_but_without_a_std) {
  Stream stream(3, "test");
  const std::vector<Group> groups = random_groups(stream, 4);
  std::vector<Group> scaled = groups;
  for (Group& each : scaled)
    for (double& reward : each.rewards) reward *= 8;
  for (const AdvantageConfig& config : plain_configs())
    expect_near(assign_credit(scaled, config).advantages, assign_credit(groups, config).advantages,
                config.kind == "no_std" ? 8 : 1);
}

TEST(advantage, order_of_members_and_groups_is_irrelevant_to_the_bit) {
  Stream stream(4, "test");
  for (int draw = 0; draw < 20; ++draw) {
    const std::vector<Group> groups = random_groups(stream, 4);
    for (const AdvantageConfig& config : plain_configs()) {
      const Credit plain = assign_credit(groups, config);
      const std::vector<int64_t> places = stream.permutation(4);
      std::vector<Group> mixed;
      std::vector<std::vector<double>> expected;
      for (const int64_t g : places) {
        const Group& from = groups[size_t(g)];
        mixed.push_back({});
        expected.push_back({});
        for (const int64_t j : stream.permutation(int64_t(from.rewards.size()))) {
          mixed.back().rewards.push_back(from.rewards[size_t(j)]);
          mixed.back().scored.push_back(1);
          expected.back().push_back(plain.advantages[size_t(g)][size_t(j)]);
        }
      }
      EXPECT_EQ(assign_credit(mixed, config).advantages, expected) << config.kind;
    }
  }
}

TEST(advantage, a_failed_member_is_as_if_it_were_not_there) {
  for (const AdvantageConfig& config : plain_configs()) {
    const Group failed{.rewards = {0.2, kNaN, 0.9, 1e30}, .scored = {1, 0, 1, 0}};
    const Credit with = assign_credit({failed, group({1, 3})}, config);
    const Credit without = assign_credit({group({0.2, 0.9}), group({1, 3})}, config);
    EXPECT_EQ(with.advantages[0],
              (std::vector<double>{without.advantages[0][0], 0, without.advantages[0][1], 0}));
    EXPECT_EQ(with.trained[0], (std::vector<uint8_t>{1, 0, 1, 0}));  // not even with zero = "keep"
    EXPECT_EQ(with.advantages[1], without.advantages[1]);
    EXPECT_EQ(with.advantage_abs_mean, without.advantage_abs_mean);
  }
}

// The mean of three 0.1 is not 0.1 in floating point, and eps may be 0: the advantage is exactly 0 all the
// same.
TEST(advantage, equal_rewards_are_no_signal) {
  for (const char* kind : {"group", "batch_std", "no_std"})
    for (const char* zero : {"keep", "drop"}) {
      const Credit credit = assign_credit({group({0.1, 0.1, 0.1}), group({0.5, 0.7})},
                                          {.kind = kind, .std_eps = 0, .clip = 5, .zero = zero});
      EXPECT_EQ(credit.advantages[0], (std::vector<double>{0, 0, 0}));
      EXPECT_EQ(credit.trained[0], std::vector<uint8_t>(3, std::string(zero) == "keep"));
      EXPECT_EQ(credit.trained[1], std::vector<uint8_t>(2, 1));
      EXPECT_EQ(credit.zero_std_groups, 1);
      const Credit flat = assign_credit({group({0.1, 0.1, 0.1})}, {.kind = kind, .std_eps = 0, .zero = zero});
      EXPECT_EQ(flat.advantages[0], (std::vector<double>{0, 0, 0}));
    }
}

TEST(advantage, the_clip_bounds_both_sides) {
  std::vector<double> rewards(60, 0.0);
  rewards[7] = 1;
  const Credit high = assign_credit({group(rewards)}, {.kind = "group", .clip = 5});
  EXPECT_EQ(high.advantages[0][7], 5.0);  // (59/60) / sqrt(59)/60 = 7.7 without the clip
  rewards[7] = -1;
  EXPECT_EQ(assign_credit({group(rewards)}, {.kind = "group", .clip = 5}).advantages[0][7], -5.0);
}

TEST(advantage, the_mean_of_absolute_values_is_over_scored_members) {
  const Credit credit = assign_credit({{.rewards = {0, 1, 2, kNaN}, .scored = {1, 1, 1, 0}}, group({4, 4})},
                                      {.kind = "no_std", .std_eps = 0});
  EXPECT_DOUBLE_EQ(credit.advantage_abs_mean, 2.0 / 5);
}

TEST(advantage, nothing_scored_trains_nothing) {
  const Credit credit = assign_credit({{.rewards = {kNaN, kNaN}, .scored = {0, 0}}}, {.zero = "keep"});
  EXPECT_EQ(credit.trained[0], (std::vector<uint8_t>{0, 0}));
  EXPECT_EQ(credit.advantage_abs_mean, 0);
  EXPECT_EQ(credit.zero_std_groups, 1);
}

TEST(advantage, rewards_and_marks_must_match) {
  EXPECT_THROW(assign_credit({{.rewards = {1, 2}, .scored = {1}}}, {}), InternalError);
}

}  // namespace
}  // namespace gamut::algorithms
