// SPDX-License-Identifier: Apache-2.0
#include "algorithms/credit_support.h"
#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

namespace gamut::algorithms {
namespace advantage_test {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using testing::advantages;
using testing::credit;
using testing::group;

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

std::vector<std::vector<double>> by_hand(const std::vector<Group>& groups, const AdvantageConfig& config) {
  return advantages(credit(groups, config));
}

// By hand: 0, 1, 2 has mean 1, population variance 2/3, sample variance 1.
TEST(advantage, three_rewards_by_hand) {
  const double root = std::sqrt(2.0 / 3.0);
  expect_near(by_hand({group({0, 1, 2})}, {.kind = "group", .std_ddof = 0, .std_eps = 0}),
              {{-1 / root, 0, 1 / root}});
  expect_near(by_hand({group({0, 1, 2})}, {.kind = "group", .std_ddof = 1, .std_eps = 0}), {{-1, 0, 1}});
  expect_near(by_hand({group({0, 1, 2})}, {.kind = "group", .std_ddof = 1, .std_eps = 1}), {{-0.5, 0, 0.5}});
  expect_near(
      by_hand({group({0, 1, 2})}, {.kind = "group", .std_ddof = 1, .std_eps = 0.5, .std_eps_form = "floor"}),
      {{-1, 0, 1}});
  expect_near(
      by_hand({group({0, 1, 2})}, {.kind = "group", .std_ddof = 1, .std_eps = 4, .std_eps_form = "floor"}),
      {{-0.25, 0, 0.25}});
  // Batch: 0, 1, 2, 10, 10, 10 has mean 5.5 and population variance 20 + 7/12.
  expect_near(by_hand({group({0, 1, 2}), group({10, 10, 10})}, {.kind = "batch_std", .std_eps = 0}),
              {{-1 / std::sqrt(20.0 + 7.0 / 12.0), 0, 1 / std::sqrt(20.0 + 7.0 / 12.0)}, {0, 0, 0}});
}

TEST(advantage, group_means_are_zero) {
  Stream stream(1, "test");
  const std::vector<Group> groups = random_groups(stream, 5);
  for (const AdvantageConfig& config : plain_configs())
    for (const std::vector<double>& row : advantages(credit(groups, config)))
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
    expect_near(advantages(credit(shifted, config)), advantages(credit(groups, config)));
  }
}

TEST(advantage, scaling_all_rewards_changes_nothing_but_without_a_std) {
  Stream stream(3, "test");
  const std::vector<Group> groups = random_groups(stream, 4);
  std::vector<Group> scaled = groups;
  for (Group& each : scaled)
    for (double& reward : each.rewards) reward *= 8;
  for (const AdvantageConfig& config : plain_configs())
    expect_near(advantages(credit(scaled, config)), advantages(credit(groups, config)),
                config.kind == "no_std" ? 8 : 1);
}

TEST(advantage, order_of_members_and_groups_is_irrelevant_to_the_bit) {
  Stream stream(4, "test");
  for (int draw = 0; draw < 20; ++draw) {
    const std::vector<Group> groups = random_groups(stream, 4);
    for (const AdvantageConfig& config : plain_configs()) {
      const Credit plain = credit(groups, config);
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
          expected.back().push_back(plain.groups[size_t(g)].advantages[size_t(j)]);
        }
      }
      EXPECT_EQ(advantages(credit(mixed, config)), expected) << config.kind;
    }
  }
}

TEST(advantage, a_failed_member_is_as_if_it_were_not_there) {
  for (const AdvantageConfig& config : plain_configs()) {
    const Group failed{.rewards = {0.2, kNaN, 0.9, 1e30}, .scored = {1, 0, 1, 0}};
    const Credit with = credit({failed, group({1, 3})}, config);
    const Credit without = credit({group({0.2, 0.9}), group({1, 3})}, config);
    EXPECT_EQ(with.groups[0].advantages,
              (std::vector<double>{without.groups[0].advantages[0], 0, without.groups[0].advantages[1], 0}));
    EXPECT_EQ(with.groups[0].trained, (std::vector<uint8_t>{1, 0, 1, 0}));  // not even with zero = "keep"
    EXPECT_EQ(with.groups[1].advantages, without.groups[1].advantages);
    EXPECT_EQ(with.advantage_abs_mean, without.advantage_abs_mean);
  }
}

// The mean of three 0.1 is not 0.1 in floating point, and eps may be 0: the advantage is exactly 0 all the
// same.
TEST(advantage, equal_rewards_are_no_signal) {
  for (const char* kind : {"group", "batch_std", "no_std"})
    for (const char* zero : {"keep", "drop"}) {
      const Credit got = credit({group({0.1, 0.1, 0.1}), group({0.5, 0.7})},
                                {.kind = kind, .std_eps = 0, .clip = 5, .zero = zero});
      EXPECT_EQ(got.groups[0].advantages, (std::vector<double>{0, 0, 0}));
      EXPECT_EQ(got.groups[0].trained, std::vector<uint8_t>(3, std::string(zero) == "keep"));
      EXPECT_EQ(got.groups[1].trained, std::vector<uint8_t>(2, 1));
      EXPECT_EQ(got.zero_std_groups, 1);
      const Credit flat = credit({group({0.1, 0.1, 0.1})}, {.kind = kind, .std_eps = 0, .zero = zero});
      EXPECT_EQ(flat.groups[0].advantages, (std::vector<double>{0, 0, 0}));
    }
}

TEST(advantage, the_clip_bounds_both_sides) {
  std::vector<double> rewards(60, 0.0);
  rewards[7] = 1;
  const Credit high = credit({group(rewards)}, {.kind = "group", .clip = 5});
  EXPECT_EQ(high.groups[0].advantages[7], 5.0);  // (59/60) / sqrt(59)/60 = 7.7 without the clip
  rewards[7] = -1;
  EXPECT_EQ(credit({group(rewards)}, {.kind = "group", .clip = 5}).groups[0].advantages[7], -5.0);
}

TEST(advantage, the_mean_of_absolute_values_is_over_scored_members) {
  const Credit got = credit({{.rewards = {0, 1, 2, kNaN}, .scored = {1, 1, 1, 0}}, group({4, 4})},
                            {.kind = "no_std", .std_eps = 0});
  EXPECT_DOUBLE_EQ(got.advantage_abs_mean, 2.0 / 5);
}

TEST(advantage, nothing_scored_trains_nothing) {
  const Credit got = credit({{.rewards = {kNaN, kNaN}, .scored = {0, 0}}}, AdvantageConfig{.zero = "keep"});
  EXPECT_EQ(got.groups[0].trained, (std::vector<uint8_t>{0, 0}));
  EXPECT_EQ(got.advantage_abs_mean, 0);
  EXPECT_EQ(got.zero_std_groups, 1);
}

TEST(advantage, rewards_and_marks_must_match) {
  EXPECT_THROW(credit({{.rewards = {1, 2}, .scored = {1}}}, AdvantageConfig{}), InternalError);
}

// ddpo-pytorch: the current rewards enter the buffer first; a prompt with too few entries takes the batch's
// moments.
TEST(advantage, running_statistics_by_hand) {
  const AdvantageConfig config{.kind = "running", .std_eps = 0, .buffer = 4};
  PromptStatistics statistics;
  const CreditContext context{.statistics = &statistics};
  Group cat = group({0, 2}), dog = group({4, 6});
  cat.prompt = "cat";
  dog.prompt = "dog";
  const testing::CreditRecipe by{.advantage = config};
  // Two of four entries each: mean 3, variance (9 + 1 + 1 + 9) / 4 of the batch.
  expect_near(advantages(credit({cat, dog}, by, context)),
              {{-3 / std::sqrt(5.0), -1 / std::sqrt(5.0)}, {1 / std::sqrt(5.0), 3 / std::sqrt(5.0)}});
  // cat: 0, 2, 4, 6 has mean 3 and the same variance; dog still lacks entries and is alone with 8 in its
  // batch.
  cat.rewards = {4, 6};
  dog.rewards = {8};
  dog.scored = {1};
  const double batch = std::sqrt(((4 - 6.0) * (4 - 6.0) + 0 + (8 - 6.0) * (8 - 6.0)) / 3);
  expect_near(advantages(credit({cat, dog}, by, context)),
              {{1 / std::sqrt(5.0), 3 / std::sqrt(5.0)}, {2 / batch}});
  // Only the newest four count: 4, 6, 10, 10. Equal rewards are a signal here: the baseline is the buffer's.
  cat.rewards = {10, 10};
  const double spread = std::sqrt((3.5 * 3.5 + 1.5 * 1.5 + 2 * 2.5 * 2.5) / 4);
  expect_near(advantages(credit({cat}, by, context)), {{2.5 / spread, 2.5 / spread}});
}

TEST(advantage, a_prompt_drawn_twice_is_one_source) {
  PromptStatistics apart, together;
  Group first = group({0, 1, 5}), second = group({3, 7});
  const testing::CreditRecipe by = testing::recipe("advantage.kind = \"running\"\nadvantage.buffer = 5");
  const Credit split = credit({first, second}, by, {.statistics = &apart});
  const Credit whole = credit({group({0, 1, 5, 3, 7})}, by, {.statistics = &together});
  std::vector<double> joined = split.groups[0].advantages;
  joined.insert(joined.end(), split.groups[1].advantages.begin(), split.groups[1].advantages.end());
  EXPECT_EQ(joined, whole.groups[0].advantages);
}

TEST(advantage, running_statistics_survive_a_checkpoint) {
  PromptStatistics written, read;
  written.append("a \"word\"", {0.1, 0.7, 0.3}, 2);
  read.load_state(nlohmann::json::parse(written.state().dump()));
  EXPECT_EQ(read.append("a \"word\"", {0.2}, 3).mean, written.append("a \"word\"", {0.2}, 3).mean);
  EXPECT_EQ(read.state(), written.state());
  for (const char* broken : {"[]", R"({"a": 1})", R"({"a": [null]})", R"({"a": ["1"]})"})
    EXPECT_EQ(
        testing::message_of<DataError>([&] { read.load_state(nlohmann::json::parse(broken)); }).substr(0, 12),
        "[statistics]")
        << broken;
  EXPECT_EQ(read.state(), written.state());  // a refused state changes nothing
}

}  // namespace advantage_test
}  // namespace gamut::algorithms
