// SPDX-License-Identifier: Apache-2.0
// Order of the parts (select, shape, normalize, clip) and what holds for every recipe.
#include "algorithms/credit_support.h"
#include "gamut/algorithms/algorithm.h"
#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace gamut::algorithms {
namespace credit_test {

using testing::advantages;
using testing::group;
using Values = std::vector<double>;
using Members = std::vector<int64_t>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Recipes that between them use every part.
const std::vector<std::string> kRecipes{
    "",
    "advantage.kind = \"group\"\nadvantage.zero = \"keep\"",
    "advantage.kind = \"nearest_neighbour_weight\"",
    "advantage.kind = \"nearest_neighbour_weight\"\nadvantage.std_scope = \"batch\"",
    "shaping.kind = \"cluster_bonus\"\nadvantage.kind = \"group\"",
    "shaping.kind = \"cluster_bonus\"\nshaping.combine = \"zscore\"\nshaping.clusters = 3\nsubset.kind = "
    "\"trim\"",
    "shaping.kind = \"pairwise_potential\"\nshaping.gate = \"above_mean\"\nsubset.kind = \"min_variance\"\n"
    "advantage.kind = \"group\"\nadvantage.std_source = \"candidates\"",
    "shaping.kind = \"pairwise_potential\"\nshaping.diversity = \"nn\"\nsubset.kind = \"max_variance\"",
    "subset.kind = \"sigma_band\"\nadvantage.std_source = \"candidates\"",
    "subset.kind = \"top_bottom\"\nsubset.scope = \"batch\""};

std::vector<Group> random_groups(Stream& stream) {
  std::vector<Group> groups;
  for (const int64_t members : {9, 6, 12}) groups.push_back(testing::random_group(stream, members));
  return groups;
}

Group reordered(const Group& from, const Members& places) {
  Group to;
  for (const int64_t j : places) {
    to.rewards.push_back(from.rewards[size_t(j)]);
    to.scored.push_back(from.scored[size_t(j)]);
  }
  const at::Tensor index = at::tensor(places, at::kLong);
  to.distances_NN = from.distances_NN.index_select(0, index).index_select(1, index);
  return to;
}

// As it is: no baseline, no divisor, no clip, and equal rewards are rewards too.
TEST(credit, a_reward_passes_as_it_is) {
  const AdvantageConfig advantage{.kind = "reward", .clip = 1, .zero = "drop"};
  const Credit credit =
      assign_credit({{.rewards = {0.5, 3, -2}, .scored = {1, 1, 1}}, {.rewards = {7, 7}, .scored = {1, 0}}},
                    {SubsetConfig{}, ShapingConfig{}, advantage}, {});
  EXPECT_EQ(credit.groups[0].advantages, (Values{0.5, 3, -2}));
  EXPECT_EQ(credit.groups[1].advantages, (Values{7, 0}));
  EXPECT_EQ(credit.groups[1].trained, (std::vector<uint8_t>{1, 0}));
}

TEST(credit, order_of_members_is_irrelevant_to_the_bit) {
  Stream stream(1, "test");
  for (const std::string& toml : kRecipes)
    for (int draw = 0; draw < 5; ++draw) {
      const std::vector<Group> groups = random_groups(stream);
      std::vector<Group> mixed;
      std::vector<Members> places;
      for (const Group& each : groups) {
        places.push_back(stream.permutation(int64_t(each.rewards.size())));
        mixed.push_back(reordered(each, places.back()));
      }
      const Credit plain = testing::credit(groups, toml), moved = testing::credit(mixed, toml);
      for (size_t g = 0; g < groups.size(); ++g)
        for (size_t j = 0; j < places[g].size(); ++j)
          EXPECT_EQ(moved.groups[g].advantages[j], plain.groups[g].advantages[size_t(places[g][j])]) << toml;
    }
}

TEST(credit, members_that_are_not_kept_get_nothing) {
  Stream stream(2, "test");
  const std::vector<Group> groups = random_groups(stream);
  for (const std::string& toml : kRecipes) {
    const Credit got = testing::credit(groups, toml);
    for (const GroupCredit& credit : got.groups)
      for (size_t j = 0; j < credit.advantages.size(); ++j) {
        const bool kept = std::count(credit.kept.begin(), credit.kept.end(), int64_t(j)) > 0;
        EXPECT_EQ(std::isnan(credit.shaped[j]), !kept) << toml;
        EXPECT_EQ(std::isnan(credit.bonus[j]), !kept) << toml;
        EXPECT_TRUE(std::isfinite(credit.advantages[j])) << toml;
        if (kept) continue;
        EXPECT_EQ(credit.advantages[j], 0) << toml;
        EXPECT_EQ(credit.trained[j], 0) << toml;
        EXPECT_EQ(credit.clusters[j], -1) << toml;
        EXPECT_TRUE(std::isnan(credit.diversity[j])) << toml;
      }
  }
}

// One fp32 rounding apart: the published formula divides the difference by itself.
TEST(credit, rewards_within_their_resolution_are_equal) {
  const std::vector<double> rewards{0.35, 0.35, 0.35, 0.35000006};
  const std::string published =
      "[advantage]\nkind = \"group\"\nstd_ddof = 1\nstd_eps = 1e-8\nzero = \"keep\"\n";
  const Credit noise = testing::credit({group(rewards)}, published);
  EXPECT_NEAR(noise.groups[0].advantages[3], 1.125, 1e-3);
  EXPECT_EQ(noise.zero_std_groups, 0);
  const Credit resolved = testing::credit({group(rewards)}, published + "resolution = 1e-6\n");
  EXPECT_EQ(resolved.groups[0].advantages, std::vector<double>(4, 0.0));
  EXPECT_EQ(resolved.zero_std_groups, 1);
  // Above 1 the resolution goes with the size, as roundings do.
  EXPECT_EQ(
      testing::credit({group({1000, 1000, 1000.0006})}, published + "resolution = 1e-6\n").zero_std_groups,
      1);
  EXPECT_EQ(
      testing::credit({group({1000, 1000, 1000.002})}, published + "resolution = 1e-6\n").zero_std_groups, 0);
  // A spread above it divides by no less than it, and an ordinary one by itself.
  const Credit narrow =
      testing::credit({group({0, 0, 0, 0, 0, 0, 0, 0, 1.1e-6})}, published + "resolution = 1e-6\n");
  EXPECT_NEAR(narrow.groups[0].advantages[8], (1.1 - 1.1 / 9) / 1.01, 1e-9);
  const std::vector<double> plain{0.1, 0.9, 0.4};
  EXPECT_EQ(advantages(testing::credit({group(plain)}, published + "resolution = 1e-6\n")),
            advantages(testing::credit({group(plain)}, published)));
}

TEST(credit, advantages_of_a_group_sum_to_zero) {
  Stream stream(3, "test");
  const std::vector<Group> groups = random_groups(stream);
  for (const std::string& toml : kRecipes) {
    if (toml.find("neighbour") != std::string::npos) continue;  // weights break it by design
    for (const Values& row : advantages(testing::credit(groups, toml)))
      EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 0, 1e-9) << toml;
  }
}

TEST(credit, a_failed_member_is_as_if_it_were_not_there) {
  Stream stream(4, "test");
  for (const std::string& toml : kRecipes) {
    Group whole = testing::random_group(stream, 10);
    whole.scored[3] = whole.scored[8] = 0;
    whole.rewards[3] = kNaN;
    whole.rewards[8] = 1e30;
    const Members left{0, 1, 2, 4, 5, 6, 7, 9};
    // A planned size, so that both groups keep as many.
    const std::string sized = cat(toml, toml.empty() ? "" : "\n", "subset.keep = 5");
    const Credit with = testing::credit({whole}, sized),
                 without = testing::credit({reordered(whole, left)}, sized);
    for (size_t j = 0; j < left.size(); ++j)
      EXPECT_EQ(with.groups[0].advantages[size_t(left[j])], without.groups[0].advantages[j]) << toml;
    EXPECT_EQ(with.groups[0].trained[3] + with.groups[0].trained[8], 0);
    EXPECT_EQ(with.advantage_abs_mean, without.advantage_abs_mean);
  }
}

// Fewer members than planned are no mistake of the recipe when scores failed.
TEST(credit, failed_scores_shrink_what_is_asked_for) {
  Stream stream(5, "test");
  Group few = testing::random_group(stream, 8);
  few.scored = {1, 0, 0, 0, 1, 0, 0, 0};
  EXPECT_EQ(testing::credit({few}, "subset.kind = \"trim\"\nsubset.keep = 4").groups[0].kept,
            (Members{0, 4}));
  const std::string clusters = "shaping.kind = \"cluster_bonus\"\nshaping.clusters = 4";
  EXPECT_EQ(testing::credit({few}, clusters).groups[0].bonus[0], 1);
  few.scored.assign(8, 0);
  for (const std::string& toml : kRecipes)
    EXPECT_EQ(testing::credit({few}, toml).groups[0].kept, Members{}) << toml;
}

TEST(credit, asking_for_more_than_there_is_is_one_line) {
  Stream stream(6, "test");
  const Group three = testing::random_group(stream, 3);
  EXPECT_EQ(testing::message_of<ConfigError>(
                [&] { testing::credit({three}, "subset.kind = \"trim\"\nsubset.keep = 4"); }),
            "[subset] more members are to be kept than there are candidates; got keep = 4; expected at most "
            "3; lower "
            "subset.keep or raise subset.candidates");
  EXPECT_THROW(testing::credit({three}, "shaping.kind = \"cluster_bonus\"\nshaping.clusters = 4"),
               ConfigError);
  EXPECT_THROW(testing::credit({three},
                               "shaping.kind = \"cluster_bonus\"\nshaping.clusters = 2\n"
                               "subset.kind = \"trim\"\nsubset.keep = 1"),
               ConfigError);
  EXPECT_THROW(
      testing::credit({three}, "advantage.kind = \"running\"\nadvantage.std_source = \"candidates\""),
      ConfigError);
}

TEST(credit, half_of_the_members_are_kept_unless_said_otherwise) {
  const Group six = group({0, 1, 2, 3, 4, 5});
  const std::string toml = "subset.kind = \"upper_trim\"\nsubset.std_floor = 0.0";
  EXPECT_EQ(testing::credit({six}, toml).groups[0].kept, (Members{0, 1, 2}));
  EXPECT_EQ(testing::credit({six}, toml + "\nsubset.keep = 2").groups[0].kept, (Members{0, 1}));
  EXPECT_EQ(testing::credit({six}, toml + "\nsubset.keep = 2", {.keep = 4}).groups[0].kept,
            (Members{0, 1, 2, 3}));
}

// The mean of the kept is subtracted; the std is of all candidates: concentrating does not amplify.
TEST(credit, the_candidates_std_divides_once) {
  const Values rewards = {0, .48, .50, .52, 1};
  double squares = 0;
  for (const double reward : rewards) squares += (reward - .5) * (reward - .5);
  const double std = std::sqrt(squares / 5);
  const std::string toml =
      "subset.kind = \"min_variance\"\nsubset.keep = 3\nsubset.std_floor = 0.0\nadvantage.kind = \"group\"\n"
      "advantage.std_eps = 0\nadvantage.std_source = ";
  const Credit by_all = testing::credit({group(rewards)}, toml + "\"candidates\"");
  EXPECT_EQ(by_all.groups[0].shaped[1], .48);  // reported as it is
  EXPECT_NEAR(by_all.groups[0].advantages[1], -.02 / std, 1e-12);
  EXPECT_NEAR(by_all.subset_std_ratio, .02 * std::sqrt(2 / 3.0) / std, 1e-12);
  const Credit by_kept = testing::credit({group(rewards)}, toml + "\"kept\"");
  EXPECT_NEAR(by_kept.groups[0].advantages[1], -std::sqrt(1.5), 1e-9);
  // Before the potential, whose height is then known in units of the candidates' std.
  Group with = group(rewards);
  with.distances_NN = at::tensor({0., 1., 3., 1., 0., 2., 3., 2., 0.}, at::kDouble).reshape({3, 3});
  at::Tensor distances = at::ones({5, 5}, at::kDouble) * 9;
  distances.slice(0, 1, 4).slice(1, 1, 4).copy_(with.distances_NN);
  with.distances_NN = distances.fill_diagonal_(0);
  const Credit shaped = testing::credit(
      {with}, toml + "\"candidates\"\nshaping.kind = \"pairwise_potential\"\nshaping.d_max = 1");
  const double low = -.02 / std + .25, middle = 0, high = .02 / std + .5, mean = (low + middle + high) / 3;
  EXPECT_NEAR(shaped.groups[0].shaped[1], low, 1e-12);
  EXPECT_NEAR(shaped.groups[0].advantages[1], low - mean, 1e-12);
  EXPECT_NEAR(shaped.groups[0].advantages[2], middle - mean, 1e-12);
  EXPECT_NEAR(shaped.groups[0].advantages[3], high - mean, 1e-12);
  EXPECT_NEAR(shaped.groups[0].diversity[1], 2, 1e-12);  // among the kept alone
}

TEST(credit, identical_candidates_divide_by_the_floor) {
  Stream stream(7, "test");
  Group flat = testing::random_group(stream, 6);
  flat.rewards.assign(6, 0.3);
  const Credit got = testing::credit({flat}, kRecipes[6]);
  for (const double value : got.groups[0].advantages)
    EXPECT_TRUE(std::isfinite(value) && std::abs(value) <= 5);
  const Credit plain = testing::credit({flat}, "advantage.std_source = \"candidates\"");
  EXPECT_EQ(plain.groups[0].advantages, Values(6, 0.0));
  EXPECT_EQ(plain.zero_std_groups, 1);
}

// A group without reward signal may get one from its shaping; without that, zero = keep still trains the
// regularizer.
TEST(credit, zero_groups_are_judged_on_shaped_rewards) {
  const Group flat = testing::with_clusters(Values(4, 0.5), {0, 0, 0, 1});
  const Credit shaped =
      testing::credit({flat}, "shaping.kind = \"cluster_bonus\"\nadvantage.kind = \"group\"");
  EXPECT_EQ(shaped.zero_std_groups, 0);
  EXPECT_GT(shaped.groups[0].advantages[3], 1);
  const Group even = testing::with_clusters(Values(4, 0.5), {0, 0, 1, 1});
  for (const char* zero : {"keep", "drop"}) {
    const Credit none =
        testing::credit({even}, cat("shaping.kind = \"cluster_bonus\"\nadvantage.zero = \"", zero, "\""));
    EXPECT_EQ(none.zero_std_groups, 1);
    EXPECT_EQ(none.groups[0].advantages, Values(4, 0.0));
    EXPECT_EQ(none.groups[0].trained, std::vector<uint8_t>(4, std::string(zero) == "keep"));
  }
}

TEST(credit, no_weight_of_a_neighbor_is_no_weight) {
  Stream stream(8, "test");
  const std::string toml = "advantage.kind = \"nearest_neighbour_weight\"";
  Group drawn = testing::random_group(stream, 7);
  const double mean = std::accumulate(drawn.rewards.begin(), drawn.rewards.end(), 0.0) / 7;
  const Values below = testing::credit({drawn}, toml).groups[0].advantages;
  for (size_t j = 0; j < 7; ++j)
    if (drawn.rewards[j] < mean) {
      EXPECT_NEAR(below[j], drawn.rewards[j] - mean, 1e-12);  // far or near
    }
  for (const double distance : {0.0, 0.3}) {  // equally far from each other, identical pictures included
    drawn.distances_NN = at::full({7, 7}, distance, at::kDouble).fill_diagonal_(0);
    const Values got = testing::credit({drawn}, toml).groups[0].advantages;
    for (size_t j = 0; j < 7; ++j) EXPECT_NEAR(got[j], drawn.rewards[j] - mean, 1e-12);
  }
  Group alone = group({0.7});
  alone.distances_NN = at::zeros({1, 1}, at::kDouble);
  EXPECT_EQ(testing::credit({alone}, toml).groups[0].advantages, Values{0.0});
}

TEST(credit, every_step_may_have_its_own_advantage) {
  Stream stream(9, "test");
  Group drawn = testing::random_group(stream, 6);
  for (int step = 0; step < 3; ++step)
    drawn.step_distances_NN.push_back(diversity::cosine_distances(testing::random_features(stream, 6, 4)));
  const std::string terminal =
      "shaping.kind = \"pairwise_potential\"\nadvantage.kind = \"group\"\nsubset.kind = "
      "\"trim\"\nsubset.keep = 4";
  const std::string per_step = terminal + "\nshaping.potential = \"per_step_x0\"";
  const GroupCredit plain = testing::credit({drawn}, terminal).groups[0];
  EXPECT_TRUE(plain.step_advantages.empty());
  const GroupCredit got = testing::credit({drawn}, per_step).groups[0];
  EXPECT_EQ(got.advantages, plain.advantages);
  ASSERT_EQ(got.step_advantages.size(), 3u);
  for (const Values& row : got.step_advantages) {
    EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 0, 1e-9);
    EXPECT_NE(row, plain.advantages);
    EXPECT_EQ(std::count(row.begin(), row.end(), 0.0), 2);
  }
  // States without any spread earn nothing on the way: what is left is the terminal form.
  for (at::Tensor& distances : drawn.step_distances_NN) distances = at::zeros({6, 6}, at::kDouble);
  const GroupCredit still = testing::credit({drawn}, per_step).groups[0];
  for (const Values& row : still.step_advantages) EXPECT_EQ(row, plain.advantages);
  drawn.step_distances_NN.clear();
  EXPECT_TRUE(testing::credit({drawn}, per_step).groups[0].step_advantages.empty());
}

TEST(credit, fallbacks_are_counted_by_group) {
  const std::string toml = "subset.kind = \"min_variance\"\nsubset.keep = 4";
  const Credit got =
      testing::credit({group({0, 0, 0, 0, 0, 0, 1, 1}), group({1, 2, 3, 4, 5, 6, 7, 8})}, toml);
  EXPECT_EQ(got.subset_fallbacks, 1);
  EXPECT_GT(got.groups[0].advantages[7], 0);  // ranks 0, 2, 5 and 7 are kept
}

TEST(credit, a_batch_leaves_out_groups_without_differences) {
  const std::string toml = "subset.kind = \"top_bottom\"\nsubset.scope = \"batch\"\nsubset.keep = 2";
  const Credit got = testing::credit({group({.5, .5, .5, .5}), group({0, 1, .2, .6})}, toml);
  EXPECT_EQ(got.groups[0].kept, Members{});
  EXPECT_EQ(got.groups[0].advantages, (Values{0, 0, 0, 0}));
  EXPECT_EQ(got.groups[1].kept, (Members{0, 1, 2, 3}));
  EXPECT_EQ(got.zero_std_groups, 1);
  // Left out for others, but not for want of a difference.
  EXPECT_EQ(testing::credit({group({.5, .6, .5, .5}), group({0, 1, .2, .6})}, toml).zero_std_groups, 0);
  const Values& advantages = got.groups[1].advantages;
  EXPECT_NEAR(std::accumulate(advantages.begin(), advantages.end(), 0.0), 0, 1e-12);
  // One group alone is kept as without the scope.
  const std::string alone = "subset.kind = \"top_bottom\"\nsubset.keep = 2";
  EXPECT_EQ(testing::credit({group({0, 1, .2, .6})}, toml).groups[0].kept,
            testing::credit({group({0, 1, .2, .6})}, alone).groups[0].kept);
}

TEST(credit, a_batch_shares_what_failed_scores_leave) {
  Group few = group({0, 1, .4, .6}), none = group({0, 1, .4, .6});
  few.scored = {1, 1, 0, 0};
  none.scored.assign(4, 0);
  const Credit got = testing::credit({few, none, group({0, .1, .2, .3})},
                                     "subset.kind = \"top_bottom\"\nsubset.scope = \"batch\"");
  EXPECT_EQ(got.groups[0].kept, (Members{0, 1}));
  EXPECT_EQ(got.groups[1].kept, Members{});
  EXPECT_EQ(got.groups[2].kept, (Members{0, 3}));  // places of the group without scores are not given away
}

TEST(credit, only_extremes_can_share_a_batch) {
  EXPECT_EQ(testing::message_of<ConfigError>([] {
              testing::credit({group({0, 1, 2, 3})}, "subset.kind = \"trim\"\nsubset.scope = \"batch\"");
            }),
            "[subset] scope = batch goes with kind = top_bottom; got kind = trim");
}

// Near 1 the rewards hardly differ and their log-odds do: what the window of least variance needs.
TEST(credit, log_odds_tell_good_pictures_apart) {
  Slots slots = fill_slots("flow_grpo");
  slots.advantage = {.kind = "group", .std_eps = 0, .scale = "log_odds", .zero = "keep"};
  const std::vector<double> rewards{0.5, 0.9, 0.99, 0.999, 1.0};
  std::vector<double> odds;
  for (const double r : rewards) odds.push_back(r == 1 ? std::log(0.9999 / 0.0001) : std::log(r / (1 - r)));
  const auto advantages = [&](const std::vector<double>& of, const AdvantageConfig& config) {
    return assign_credit({{.rewards = of, .scored = {1, 1, 1, 1, 1}}}, {slots.subset, slots.shaping, config},
                         {})
        .groups[0]
        .advantages;
  };
  AdvantageConfig plain = slots.advantage;
  plain.scale = "reward";
  const std::vector<double> got = advantages(rewards, slots.advantage), expected = advantages(odds, plain);
  for (size_t j = 0; j < 5; ++j) EXPECT_NEAR(got[j], expected[j], 1e-9);

  slots.subset = {.kind = "min_variance", .fallback = {}};
  const std::vector<double> saturated{0.2, 0.97, 0.99, 0.995, 0.999, 0.9995};
  const auto fallbacks = [&](const std::string& scale) {
    AdvantageConfig config = slots.advantage;
    config.scale = scale;
    return assign_credit({{.rewards = saturated, .scored = {1, 1, 1, 1, 1, 1}}},
                         {slots.subset, slots.shaping, config}, {.keep = 3})
        .subset_fallbacks;
  };
  EXPECT_EQ(fallbacks("reward"), 1);
  EXPECT_EQ(fallbacks("log_odds"), 0);
}

TEST(credit, log_odds_are_of_probabilities) {
  Slots slots = fill_slots("flow_grpo");
  slots.advantage.scale = "log_odds";
  EXPECT_EQ(
      testing::message_of<ConfigError>([&] {
        assign_credit({{.rewards = {21.5, 0.5}, .scored = {1, 1}}},
                      {slots.subset, slots.shaping, slots.advantage}, {});
      }),
      "[advantage] scale = \"log_odds\" takes rewards in [0, 1], as a probability is; got 21.5; expected "
      "advantage.scale = \"reward\"");
}

}  // namespace credit_test
}  // namespace gamut::algorithms
