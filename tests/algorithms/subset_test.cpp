// SPDX-License-Identifier: Apache-2.0
// The subset rules against brute force over all subsets, by hand, and the guard against subsets without a
// signal.
#include "gamut/algorithms/subset.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace gamut::algorithms {
namespace subset_test {

using Values = std::vector<double>;
using Members = std::vector<int64_t>;

Subset choose(const Values& rewards, const std::string& kind, int64_t keep, SubsetConfig config = {}) {
  config.kind = kind;
  return choose_subset(rewards, config, keep, 7, {3, 0});
}

Members kept(const Values& rewards, const std::string& kind, int64_t keep, double kappa = 1) {
  return choose(rewards, kind, keep, {.kappa = kappa, .std_floor = 0}).kept;
}

Values values_of(const Values& rewards, const Members& members) {
  Values values;
  for (const int64_t member : members) values.push_back(rewards[size_t(member)]);
  std::sort(values.begin(), values.end());
  return values;
}

double variance(const Values& values) {
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  for (const double value : values) squares += std::pow(value - sum / double(values.size()), 2);
  return squares / double(values.size());
}

// Least and largest variance over all subsets of the size.
std::pair<double, double> by_brute_force(const Values& rewards, int64_t keep) {
  double least = 1e300, largest = -1;
  for (uint32_t chosen = 0; chosen < (1u << rewards.size()); ++chosen) {
    if (std::popcount(chosen) != keep) continue;
    Values values;
    for (size_t j = 0; j < rewards.size(); ++j)
      if (chosen >> j & 1) values.push_back(rewards[j]);
    least = std::min(least, variance(values));
    largest = std::max(largest, variance(values));
  }
  return {least, largest};
}

const Values kExample = {0, .48, .50, .52, 1};

TEST(subset, the_example_of_the_specification) {
  EXPECT_EQ(kept(kExample, "min_variance", 3), (Members{1, 2, 3}));
  EXPECT_EQ(kept({.52, 1, .48, 0, .50}, "min_variance", 3), (Members{0, 2, 4}));
  EXPECT_EQ(choose(kExample, "min_variance", 3).kept, (Members{1, 2, 3}));  // the guard lets it pass
}

TEST(subset, variances_are_extreme_among_all_subsets) {
  Stream stream(5, "test");
  for (int draw = 0; draw < 60; ++draw) {
    const int64_t count = 3 + stream.below(10), keep = 1 + stream.below(count);
    Values rewards;
    for (int64_t j = 0; j < count; ++j)  // every third group holds ties
      rewards.push_back(draw % 3 == 0 ? double(stream.below(4)) : stream.uniform());
    const auto [least, largest] = by_brute_force(rewards, keep);
    EXPECT_NEAR(variance(values_of(rewards, kept(rewards, "min_variance", keep))), least, 1e-12) << draw;
    EXPECT_NEAR(variance(values_of(rewards, kept(rewards, "max_variance", keep))), largest, 1e-12) << draw;
  }
}

TEST(subset, every_rule_by_hand) {
  const Values rewards = {5, 0, 1, 2, 3, 10};  // mean 3.5, median 2.5, std 3.25
  EXPECT_EQ(kept(rewards, "all", 3), (Members{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(kept(rewards, "min_variance", 3), (Members{1, 2, 3}));  // 0 1 2 and 1 2 3 tie: the lower
  EXPECT_EQ(kept(rewards, "nearest_mean", 3), (Members{0, 3, 4}));
  EXPECT_EQ(kept(rewards, "nearest_median", 3), (Members{2, 3, 4}));
  EXPECT_EQ(kept(rewards, "trim", 4), (Members{0, 2, 3, 4}));
  EXPECT_EQ(kept(rewards, "trim", 3), (Members{2, 3, 4}));  // an odd one goes at the top
  EXPECT_EQ(kept(rewards, "sigma_band", 1), (Members{0, 2, 3, 4}));
  EXPECT_EQ(kept(rewards, "sigma_band", 1, 0.01), (Members{3, 4}));  // never fewer than two
  EXPECT_EQ(kept(rewards, "upper_trim", 5), (Members{0, 1, 2, 3, 4}));
  EXPECT_EQ(kept(rewards, "stratified", 3), (Members{1, 4, 5}));  // ranks 0, 3, 5: 0, 3, 10
  EXPECT_EQ(kept(rewards, "top_bottom", 3), (Members{0, 1, 5}));
  EXPECT_EQ(kept(rewards, "max_variance", 3), (Members{1, 2, 5}));
}

TEST(subset, random_is_named_by_seed_and_key) {
  Values rewards(32);
  std::iota(rewards.begin(), rewards.end(), 0.0);
  const SubsetConfig config{.kind = "random"};
  const Members first = choose_subset(rewards, config, 16, 1, {0, 0}).kept;
  EXPECT_EQ(first.size(), 16u);
  EXPECT_TRUE(std::adjacent_find(first.begin(), first.end(), std::greater_equal<>()) == first.end());
  EXPECT_EQ(first, choose_subset(rewards, config, 16, 1, {0, 0}).kept);
  EXPECT_NE(first, choose_subset(rewards, config, 16, 2, {0, 0}).kept);
  EXPECT_NE(first, choose_subset(rewards, config, 16, 1, {1, 0}).kept);
  EXPECT_NE(first, choose_subset(rewards, config, 16, 1, {0, 1}).kept);
}

TEST(subset, the_order_of_members_does_not_matter) {
  Stream stream(6, "test");
  for (const char* kind : {"min_variance", "nearest_mean", "nearest_median", "trim", "sigma_band",
                           "upper_trim", "stratified", "top_bottom", "max_variance", "random"}) {
    Values rewards(11), mixed;
    for (double& reward : rewards) reward = stream.uniform();
    for (const int64_t j : stream.permutation(11)) mixed.push_back(rewards[size_t(j)]);
    EXPECT_EQ(values_of(rewards, kept(rewards, kind, 5)), values_of(mixed, kept(mixed, kind, 5))) << kind;
  }
}

TEST(subset, equal_rewards_keep_the_first) {
  for (const char* kind : {"min_variance", "trim", "max_variance", "random", "stratified"}) {
    const Subset subset = choose({.1, .1, .1, .1}, kind, 2);
    EXPECT_EQ(subset.kept, (Members{0, 1})) << kind;
    EXPECT_EQ(subset.std_ratio, 1) << kind;
    EXPECT_EQ(subset.fallbacks, 0) << kind;
  }
}

TEST(subset, the_ratio_of_deviations_is_reported) {
  const double kept_std = std::sqrt(2.0 / 3) * .02;
  EXPECT_NEAR(choose(kExample, "min_variance", 3, {.std_floor = 0}).std_ratio,
              kept_std / std::sqrt(variance(kExample)), 1e-12);
}

Values hits_among(int64_t hits, int64_t count) {
  Values rewards(size_t(count), 0.0);
  for (int64_t j = 0; j < hits; ++j) rewards[size_t((j * 7) % count)] = 1;  // 7 and 32 share no factor
  return rewards;
}

double sum_of(const Values& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// On rewards of 0 and 1 the literal window keeps identical pictures: no signal but that of the diversity
// term.
TEST(subset, a_batch_shares_its_places_by_how_far_the_extremes_are_apart) {
  // Pairs: 0.9, 0.5, 0 of the first group, 0.2, 0.1 of the second, none of the flat one.
  const std::vector<Values> rewards{{.1, .9, .5, 1, .4, .5}, {.3, .5, .4, .5}, {.7, .7, .7}};
  EXPECT_EQ(allocate_by_reward_gap(rewards, {1, 1, 1}), (Members{3, 0, 0}));
  EXPECT_EQ(allocate_by_reward_gap(rewards, {1, 1, 2}), (Members{4, 0, 0}));
  EXPECT_EQ(allocate_by_reward_gap(rewards, {3, 1, 3}),
            (Members{4, 3, 0}));  // an odd place: the better of the next pair
  EXPECT_EQ(allocate_by_reward_gap(rewards, {4, 2, 2}), (Members{4, 4, 0}));
  EXPECT_EQ(allocate_by_reward_gap(rewards, {4, 4, 2}),
            (Members{4, 4, 2}));  // of equal pairs the outer one first
  EXPECT_EQ(allocate_by_reward_gap(rewards, {6, 4, 3}), (Members{6, 4, 3}));
  EXPECT_EQ(allocate_by_reward_gap({{}, {1}, {1, 1}}, {5, 1, 1}), (Members{0, 1, 1}));
}

TEST(subset, a_batch_of_one_group_keeps_what_the_group_keeps) {
  const Values rewards = {5, 0, 1, 2, 3, 10, 4};
  for (int64_t keep = 1; keep <= 7; ++keep)
    EXPECT_EQ(allocate_by_reward_gap({rewards}, {keep}), Members{keep});
  EXPECT_EQ(testing::message_of<ConfigError>([&] { allocate_by_reward_gap({rewards}, {8}); }),
            testing::message_of<ConfigError>([&] { choose(rewards, "top_bottom", 8); }));
}

TEST(subset, shared_places_hold_the_largest_differences_that_nested_pairs_can_have) {
  Stream stream(11, "test");
  for (int draw = 0; draw < 30; ++draw) {
    std::vector<Values> rewards(3, Values(6));
    for (Values& group : rewards)
      for (double& reward : group) reward = stream.uniform();
    const auto spread = [&](const Members& keeps) {
      double sum = 0;
      for (size_t g = 0; g < rewards.size(); ++g) {
        Values sorted = rewards[g];
        std::sort(sorted.begin(), sorted.end());
        for (int64_t depth = 0; depth < keeps[g] / 2; ++depth)
          sum += sorted[sorted.size() - 1 - size_t(depth)] - sorted[size_t(depth)];
      }
      return sum;
    };
    double best = 0;  // over every way to give eight places to three groups
    for (int64_t a = 0; a <= 6; a += 2)
      for (int64_t b = 0; b <= 6 && a + b <= 8; b += 2)
        if (8 - a - b <= 6) best = std::max(best, spread({a, b, 8 - a - b}));
    EXPECT_NEAR(spread(allocate_by_reward_gap(rewards, {3, 3, 2})), best, 1e-12) << draw;
  }
}

TEST(subset, without_the_guard_sparse_rewards_keep_identical_failures) {
  const Values rewards = hits_among(10, 32);
  const Subset literal = choose(rewards, "min_variance", 16, {.std_floor = 0});
  EXPECT_EQ(sum_of(values_of(rewards, literal.kept)), 0);
  EXPECT_EQ(literal.std_ratio, 0);
  EXPECT_EQ(literal.fallbacks, 0);
}

TEST(subset, the_guard_keeps_hits_and_failures_in_their_share) {
  for (int64_t hits = 1; hits < 32; ++hits) {
    const Values rewards = hits_among(hits, 32);
    const Subset guarded = choose(rewards, "min_variance", 16);
    const double kept_hits = sum_of(values_of(rewards, guarded.kept));
    ASSERT_EQ(guarded.kept.size(), 16u);
    EXPECT_GE(kept_hits, 1) << hits;
    EXPECT_LE(kept_hits, 15) << hits;
    EXPECT_NEAR(kept_hits, double(hits) / 2, 1) << hits;
    EXPECT_GE(guarded.std_ratio, 0.3) << hits;
    EXPECT_EQ(guarded.fallbacks, 1) << hits;
  }
}

// Trim may stand before: it cuts rare hits off, is refused then, and the next rule serves.
TEST(subset, rules_are_tried_in_order) {
  const SubsetConfig config{.fallback = {"trim", "all"}};
  const Values half = hits_among(12, 32), rare = hits_among(4, 32);
  const Subset trimmed = choose(half, "min_variance", 16, config);
  EXPECT_EQ(trimmed.fallbacks, 1);
  EXPECT_EQ(sum_of(values_of(half, trimmed.kept)), 4);  // of twelve hits
  const Subset stratified = choose(rare, "min_variance", 16, config);
  EXPECT_EQ(stratified.fallbacks, 2);
  EXPECT_EQ(stratified.kept, kept(rare, "stratified", 16));
  const Subset none = choose(rare, "min_variance", 16, {.fallback = {"trim"}});
  EXPECT_EQ(none.fallbacks, 2);  // every rule refused: the last one is taken as it is
  EXPECT_EQ(none.std_ratio, 0);
}

TEST(subset, a_dense_reward_does_not_trip_the_guard) {
  Stream stream(8, "test");
  int refused = 0;
  for (int draw = 0; draw < 200; ++draw) {
    Values rewards(32);
    for (double& reward : rewards) reward = stream.normal();
    refused += choose(rewards, "min_variance", 16).fallbacks > 0;
  }
  EXPECT_EQ(refused, 0);
}

TEST(subset, impossible_sizes_are_one_line) {
  EXPECT_EQ(testing::message_of<ConfigError>([] {
              choose({1, 2, 3}, "trim", 4);
            }),
            "[subset] more members are to be kept than there are candidates; got keep = 4; expected at most "
            "3; lower "
            "subset.keep or raise subset.candidates");
  EXPECT_EQ(testing::message_of<ConfigError>([] {
              choose({1, 2, 3}, "trim", 0);
            }),
            "[subset] at least one member must be kept; got keep = 0");
  EXPECT_EQ(choose({4}, "min_variance", 1).kept, (Members{0}));
}

}  // namespace subset_test
}  // namespace gamut::algorithms
