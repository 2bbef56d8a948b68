// SPDX-License-Identifier: Apache-2.0
// The cluster bonus against the paper's worked example, the potential against its definition, and what must
// not change either.
#include "gamut/algorithms/shaping.h"

#include "algorithms/credit_support.h"
#include "gamut/core/error.h"
#include "gamut/diversity/discrepancy.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gamut::algorithms {
namespace shaping_test {

using testing::group;
using testing::with_clusters;
using Values = std::vector<double>;
using Labels = std::vector<int64_t>;

ShapedGroup shaped(const Values& rewards, const ShapingConfig& config, const Labels& clusters = {},
                   const at::Tensor& distances = {}, double progress = 0,
                   const Normalizer* candidates = nullptr) {
  return shape_rewards(rewards, distances, clusters, config, progress, 10, candidates);
}

void expect_near(const Values& got, const Values& expected, double tolerance = 1e-12) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t j = 0; j < got.size(); ++j) EXPECT_NEAR(got[j], expected[j], tolerance) << j;
}

// arXiv 2512.21514, the figure of the method: four images in clusters of three and one, beta = 1.
constexpr std::string_view kPaper =
    "shaping.kind = \"cluster_bonus\"\nshaping.beta = 1\nadvantage.kind = \"group\"\nadvantage.std_ddof = 1\n"
    "advantage.std_eps = 1e-8";

TEST(shaping, the_papers_worked_example) {
  const GroupCredit chain =
      testing::credit({with_clusters({1, 3, 2, 2}, {0, 0, 0, 1})}, kPaper).groups.front();
  expect_near(chain.bonus, {std::sqrt(4 / 3.0), std::sqrt(4 / 3.0), std::sqrt(4 / 3.0), 2});
  expect_near(chain.shaped, {2.1547, 4.1547, 3.1547, 4.0}, 5e-5);  // half a unit of the last digit
  expect_near(chain.advantages, {-1.3175, .8578, -.2299, .6896}, 1e-4);
  expect_near(chain.advantages, {-1.316, .851, -.233, .699}, 1e-2);  // as printed, from rounded rewards
}

TEST(shaping, the_papers_printed_advantages_follow_from_its_printed_rewards) {
  const Credit sample =
      testing::credit({group({2.14, 4.14, 3.14, 4.00})},
                      "advantage.kind = \"group\"\nadvantage.std_ddof = 1\nadvantage.std_eps = 1e-8");
  expect_near(sample.groups.front().advantages, {-1.316, .851, -.233, .699}, 1e-3);
  // The population's std would give other numbers.
  const Credit population = testing::credit({group({2.14, 4.14, 3.14, 4.00})}, "advantage.kind = \"group\"");
  expect_near(population.groups.front().advantages, {-1.52, .98, -.27, .81}, 5e-3);
}

Labels sizes_to_labels(const Labels& sizes) {
  Labels labels;
  for (size_t label = 0; label < sizes.size(); ++label)
    labels.insert(labels.end(), size_t(sizes[label]), int64_t(label));
  return labels;
}

double population_std(const Values& values) {
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  for (const double value : values) squares += std::pow(value - sum / double(values.size()), 2);
  return std::sqrt(squares / double(values.size()));
}

TEST(shaping, bonus_of_24_pictures) {
  const ShapingConfig config{.kind = "cluster_bonus"};
  const Values bonus = shaped(Values(24, 0.5), config, sizes_to_labels({12, 6, 4, 2})).bonus;
  for (const auto& [member, expected] : {std::pair{0, 1.4142}, {12, 2.0}, {18, 2.4495}, {22, 3.4641}})
    EXPECT_NEAR(bonus[size_t(member)], expected, 5e-5);
  double sum = 0;
  for (const double each : bonus) sum += each;
  EXPECT_NEAR(sum / 24, 1.904, 5e-4);
  EXPECT_NEAR(population_std(bonus), .612, 5e-4);
  for (const auto& [sizes, expected] : {std::pair<Labels, double>{{18, 6}, .37},
                                        {{12, 6, 4, 2}, .61},
                                        {{23, 1}, .775},
                                        {{20, 2, 1, 1}, 1.19}})
    EXPECT_NEAR(population_std(shaped(Values(24, 0.5), config, sizes_to_labels(sizes)).bonus), expected,
                5e-3);
  EXPECT_NEAR(shaped(Values(24, 0.5), config, sizes_to_labels({23, 1})).bonus.back(), 4.90, 5e-3);
}

TEST(shaping, forms_of_the_bonus) {
  const Labels clusters{0, 0, 0, 1};
  const auto bonus = [&](const char* form) {
    return shaped(Values(4, 1.0), {.kind = "cluster_bonus", .bonus_form = form}, clusters).bonus;
  };
  expect_near(bonus("inv"), {4 / 3.0, 4 / 3.0, 4 / 3.0, 4});
  expect_near(bonus("log"), {std::log(4 / 3.0), std::log(4 / 3.0), std::log(4 / 3.0), std::log(4.0)});
  expect_near(bonus("inv_n"), {1 / 3.0, 1 / 3.0, 1 / 3.0, 1});
}

// Only imbalance is paid.
TEST(shaping, one_cluster_or_equal_clusters_change_no_advantage) {
  Stream stream(1, "test");
  Values rewards(8);
  for (double& reward : rewards) reward = stream.uniform();
  const testing::CreditRecipe by = testing::recipe(cat(kPaper, "\nshaping.quality_scale = 1"));
  testing::CreditRecipe plain = by;
  plain.shaping.kind = "none";
  const Values expected = testing::credit({group(rewards)}, plain).groups.front().advantages;
  for (const Labels& sizes : {Labels{8}, {4, 4}, {2, 2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, 1}}) {
    const Credit got = testing::credit({with_clusters(rewards, sizes_to_labels(sizes))}, by);
    expect_near(got.groups.front().advantages, expected, 1e-9);
    EXPECT_EQ(got.bonus_std, 0);
    EXPECT_EQ(got.cluster_count, double(sizes.size()));
    EXPECT_NEAR(got.cluster_entropy, std::log(double(sizes.size())), 1e-12);
  }
}

TEST(shaping, beta_or_weight_zero_is_plain) {
  Stream stream(2, "test");
  const Group drawn = testing::random_group(stream, 9);
  const Values plain = testing::credit({drawn}, "advantage.kind = \"group\"").groups.front().advantages;
  expect_near(testing::credit(
                  {drawn}, "advantage.kind = \"group\"\nshaping.kind = \"cluster_bonus\"\nshaping.beta = 0")
                  .groups.front()
                  .advantages,
              plain, 1e-12);
  // The z-score of the reward has its own std, so that std + eps of it differs by eps.
  expect_near(
      testing::credit(
          {drawn},
          "advantage.kind = \"group\"\nadvantage.std_eps = 0\nshaping.kind = \"pairwise_potential\"\n"
          "shaping.weight = 0")
          .groups.front()
          .advantages,
      testing::credit({drawn}, "advantage.kind = \"group\"\nadvantage.std_eps = 0").groups.front().advantages,
      1e-12);
}

TEST(shaping, combinations_of_quality_and_bonus) {
  const Values rewards{1, 3, 2, 2};
  const Labels clusters{0, 0, 0, 1};
  const double e = std::sqrt(4 / 3.0);
  const auto of = [&](ShapingConfig config) {
    config.kind = "cluster_bonus";
    config.beta = 0.7;
    return shaped(rewards, config, clusters);
  };
  expect_near(of({.quality_scale = 26}).shaped, {26 + .7 * e, 78 + .7 * e, 52 + .7 * e, 52 + 1.4});
  // Z-scores: Q has mean 2 and variance 1/2, E takes two values in shares 3/4 and 1/4.
  const double q = std::sqrt(2.0), low = -1 / std::sqrt(3.0), high = std::sqrt(3.0);
  expect_near(of({.quality_scale = 26, .combine = "zscore"}).shaped,
              {-q + .7 * low, q + .7 * low, .7 * low, .7 * high});
  // Below the mean the gate is shut; at the mean it is open.
  expect_near(of({.gate = "above_mean"}).bonus, {0, e, e, 2});
  expect_near(of({.gate = "above_mean"}).shaped, {1, 3 + .7 * e, 2 + .7 * e, 3.4});
  // By the candidates' mean and std, Q is normalized already.
  const Normalizer candidates{.mean = 1, .std = 2};
  expect_near(shaped(rewards, {.kind = "cluster_bonus", .beta = .7}, clusters, {}, 0, &candidates).shaped,
              {.7 * e, 1 + .7 * e, .5 + .7 * e, .5 + 1.4});
}

TEST(shaping, decay_over_the_run) {
  const auto added = [](const char* decay, double progress) {
    return shaped({0, 0}, {.kind = "cluster_bonus", .beta = 2, .decay = decay}, {0, 0}, {}, progress)
        .shaped.front();
  };
  EXPECT_EQ(added("none", 0.75), 2);
  EXPECT_EQ(added("linear", 0), 2);
  EXPECT_EQ(added("linear", 0.75), 0.5);
  EXPECT_EQ(added("linear", 1), 0);
  EXPECT_NEAR(added("cosine", 0.5), 1, 1e-12);
  EXPECT_NEAR(added("cosine", 0.75), 1 - std::sqrt(0.5), 1e-12);
}

// Three on a line at 0, 1 and 3: mean distances 2, 1.5 and 2.5.
at::Tensor line() { return at::tensor({0., 1., 3., 1., 0., 2., 3., 2., 0.}, at::kDouble).reshape({3, 3}); }

TEST(shaping, the_potential_by_hand) {
  const Values rewards{1, 2, 3};
  const double z = std::sqrt(1.5);
  ShapingConfig config{.kind = "pairwise_potential", .weight = 0.5};
  const ShapedGroup open = shaped(rewards, config, {}, line());
  expect_near(open.diversity, {2, 1.5, 2.5});
  expect_near(open.bonus, {.5, 0, .65});  // min-max, then the clip
  expect_near(open.shaped, {-z + .25, 0, z + .325});
  config.gate = "above_mean";
  expect_near(shaped(rewards, config, {}, line()).bonus, {0, 0, .65});
  config.diversity = "nn";
  expect_near(shaped(rewards, config, {}, line()).diversity, {1, 1, 2});
  config = {.kind = "pairwise_potential",
            .weight = 2,
            .gamma = 0.9,
            .norm_r = "none",
            .norm_d = "none",
            .d_max = 2.2};
  expect_near(shaped(rewards, config, {}, line()).bonus, {2, 1.5, 2.2});
  expect_near(shaped(rewards, config, {}, line()).shaped,
              {1 + 2 * std::pow(.9, 10) * 2, 2 + 2 * std::pow(.9, 10) * 1.5, 3 + 2 * std::pow(.9, 10) * 2.2});
}

// Two equal pictures and one orthogonal: Vendi of all exp(H(2/3, 1/3)); without a twin 2; without the
// other 1.
TEST(shaping, vendi_left_one_out_by_hand) {
  const at::Tensor distances = at::tensor({0., 0., 1., 0., 0., 1., 1., 1., 0.}, at::kDouble).reshape({3, 3});
  const double all = std::exp(-2 / 3.0 * std::log(2 / 3.0) - 1 / 3.0 * std::log(1 / 3.0));
  const ShapedGroup got =
      shaped({1, 2, 3}, {.kind = "pairwise_potential", .diversity = "vendi_loo", .d_max = 1}, {}, distances);
  expect_near(got.diversity, {all - 2, all - 2, all - 1}, 1e-9);
  expect_near(got.bonus, {0, 0, 1}, 1e-9);
}

TEST(shaping, minmax_undoes_shift_and_scale) {
  Stream stream(3, "test");
  const Group drawn = testing::random_group(stream, 7);
  const at::Tensor others = 1 - at::eye(7, at::kDouble);
  const ShapingConfig config{.kind = "pairwise_potential"};
  const Values plain = shaped(drawn.rewards, config, {}, drawn.distances_NN).shaped;
  expect_near(shaped(drawn.rewards, config, {}, drawn.distances_NN * 8).shaped, plain, 1e-12);
  expect_near(shaped(drawn.rewards, config, {}, drawn.distances_NN + others * 3).shaped, plain, 1e-12);
}

// Distances equal but for rounding must not be blown up to 0 and 1.
TEST(shaping, equal_distances_are_no_potential) {
  const at::Tensor others = 1 - at::eye(4, at::kDouble);
  at::Tensor rounded = others * 0.3;
  rounded[0][1] += 1e-16;
  rounded[1][0] += 1e-16;
  for (const char* diversity : {"mean", "nn", "vendi_loo"})
    for (const at::Tensor& distances : {others, others * 0.0, rounded}) {
      const ShapedGroup got =
          shaped({1, 1, 1, 1}, {.kind = "pairwise_potential", .diversity = diversity}, {}, distances);
      EXPECT_EQ(got.shaped, Values(4, 0.0)) << diversity;
    }
}

// Both discounts of random diversities: the sum of what each step earns.
TEST(shaping, the_discounted_sum_telescopes) {
  Stream stream(4, "test");
  for (const double gamma : {1.0, 0.9, 0.5})
    for (int64_t steps = 1; steps <= 12; ++steps) {
      Values d;
      for (int64_t t = 0; t <= steps; ++t) d.push_back(stream.uniform());
      const Values got = potential_to_go(d, gamma);
      ASSERT_EQ(int64_t(got.size()), steps);
      for (int64_t i = 0; i < steps; ++i) {
        double sum = 0;
        for (int64_t t = i; t < steps; ++t)
          sum += std::pow(gamma, double(t - i)) * (gamma * d[size_t(t) + 1] - d[size_t(t)]);
        EXPECT_NEAR(got[size_t(i)], sum, 1e-12);
      }
    }
}

TEST(shaping, potentials_of_each_step) {
  const ShapingConfig config{
      .kind = "pairwise_potential", .weight = 2, .gamma = .5, .norm_r = "none", .d_max = 1};
  const Values rewards{1, 2, 3};
  const ShapedGroup terminal = shaped(rewards, config, {}, line());
  const at::Tensor mirrored = line().flip({0, 1});  // at 3, 1, 0 in reverse: mean distances 2.5, 1.5, 2
  const auto steps =
      shape_steps(rewards, terminal, {mirrored, at::zeros({3, 3}, at::kDouble)}, config, 0, nullptr);
  ASSERT_EQ(steps.size(), 2u);
  // Terminal potential .5, 0, 1; at state 0: 1, 0, .5; at state 1: none.
  expect_near(steps[0], {1 + 2 * (.25 * .5 - 1), 2, 3 + 2 * (.25 * 1 - .5)});
  expect_near(steps[1], {1 + 2 * .5 * .5, 2, 3 + 2 * .5 * 1});
}

TEST(shaping, block_distances_pay_the_smaller_block) {
  at::Tensor distances = at::full({24, 24}, 0.4, at::kDouble);
  distances.slice(0, 0, 18).slice(1, 0, 18).fill_(0.05);
  distances.slice(0, 18).slice(1, 18).fill_(0.05);
  distances.fill_diagonal_(0);
  const ShapedGroup got = shaped(Values(24, 0.0), {.kind = "cluster_bonus"}, {}, distances);
  EXPECT_EQ(got.clusters, sizes_to_labels({18, 6}));
  EXPECT_NEAR(got.bonus.front(), std::sqrt(24 / 18.0), 1e-12);
  EXPECT_NEAR(got.bonus.back(), 2, 1e-12);
  EXPECT_NEAR(got.diversity.front(), (17 * .05 + 6 * .4) / 23, 1e-12);
}

TEST(shaping, degenerate_groups_have_bonus_one) {
  for (const int64_t members : {1, 2, 5}) {
    const Values rewards(size_t(members), 0.25);
    const ShapedGroup got =
        shaped(rewards, {.kind = "cluster_bonus", .beta = 1}, {}, at::zeros({members, members}, at::kDouble));
    EXPECT_EQ(got.bonus, Values(size_t(members), 1.0));
    EXPECT_EQ(got.shaped, Values(size_t(members), 1.25));
  }
  const ShapedGroup alone =
      shaped({0.25}, {.kind = "pairwise_potential"}, {}, at::zeros({1, 1}, at::kDouble));
  EXPECT_EQ(alone.shaped, Values{0.0});
}

TEST(shaping, clusters_and_sigma_are_words_or_numbers) {
  const auto options = [](const std::string& toml) { return testing::recipe(toml).shaping.spectral(); };
  EXPECT_EQ(options("").clusters, 0);
  EXPECT_EQ(options("").sigma, "quantile");
  EXPECT_EQ(options("shaping.clusters = 4").clusters, 4);
  EXPECT_EQ(options("shaping.clusters = \"4\"").clusters, 4);
  EXPECT_EQ(options("shaping.sigma = 0.25").sigma, "fixed");
  EXPECT_EQ(options("shaping.sigma = 0.25").sigma_value, 0.25);
  EXPECT_EQ(options("shaping.sigma = 2").sigma_value, 2);
  EXPECT_EQ(options("shaping.sigma = \"median\"").sigma, "median");
  EXPECT_EQ(testing::message_of<ConfigError>([&] { options("shaping.clusters = 2.5"); }),
            "[shaping] clusters must be \"eigengap\" or an integer from 1; got '2.5'");
}

TEST(shaping, values_that_no_recipe_may_hold) {
  for (const char* toml :
       {"shaping.beta = nan", "shaping.beta = -1", "shaping.clusters = 0", "shaping.clusters = \"x\"",
        "shaping.sigma = 0", "shaping.sigma = \"wide\"", "shaping.sigma = nan", "shaping.sigma = inf",
        "shaping.weight = nan", "shaping.d_max = 0", "shaping.gamma = 1.5"})
    EXPECT_EQ(
        testing::message_of<ConfigError>([&] { testing::recipe(toml).shaping.spectral(); }).substr(0, 9),
        "[config] ")
        << toml;
  EXPECT_EQ(testing::message_of<ConfigError>([] { testing::recipe("shaping.clusters = 0"); }),
            "[config] key 'shaping.clusters' must be one of eigengap | >= 1; got 0 (test:1:9)");
  EXPECT_THROW(shaped({1, 2, 3}, {.kind = "cluster_bonus", .clusters = "4"}, {}, line()), ConfigError);
}

// The witness by hand, and that its sum over members is what the squared discrepancy loses by them.
TEST(shaping, the_witness_is_brute_force_s) {
  at::manual_seed(2);
  const at::Tensor own = at::randn({5, 3}, at::kDouble), base = at::randn({7, 3}, at::kDouble) + 0.5;
  const auto distance = [](const at::Tensor& a, const at::Tensor& b) {
    return (a - b).norm().item<double>();
  };
  at::Tensor own_NN = at::zeros({5, 5}, at::kDouble), base_NM = at::zeros({5, 7}, at::kDouble);
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 5; ++j) own_NN[i][j] = distance(own[i], own[j]);
    for (int64_t m = 0; m < 7; ++m) base_NM[i][m] = distance(own[i], base[m]);
  }
  const double width = 1.3;
  const auto kernel = [&](double d) { return std::exp(-d * d / (2 * width * width)); };
  const ShapingConfig config{.kind = "mmd", .weight = 2, .norm_r = "none"};
  const std::vector<double> rewards{0.1, 0.5, 0.2, 0.9, 0.4};
  const ShapedGroup shaped =
      shape_by_base(rewards, own_NN, diversity::mmd_witness(own_NN, base_NM, width), config, 0, nullptr);
  for (int64_t j = 0; j < 5; ++j) {
    double theirs = 0, ours = 0;
    for (int64_t m = 0; m < 7; ++m) theirs += kernel(distance(own[j], base[m])) / 7;
    for (int64_t i = 0; i < 5; ++i)
      if (i != j) ours += kernel(distance(own[j], own[i])) / 4;
    EXPECT_NEAR(shaped.bonus[size_t(j)], theirs - ours, 1e-12);
    EXPECT_NEAR(shaped.shaped[size_t(j)], rewards[size_t(j)] + 2 * (theirs - ours), 1e-12);
  }
}

TEST(shaping, without_the_bases_pictures_there_is_no_discrepancy) {
  EXPECT_EQ(
      testing::message_of<ConfigError>([] {
        shape_rewards({0.1, 0.2}, {}, {}, {.kind = "mmd"}, 0, 1, nullptr);
      }),
      "[shaping] kind = \"mmd\" compares a group with the base's pictures, which are at hand in training "
      "alone; set shaping.kind to another");
}

// A member where the base has pictures and the group has none gains over one in the group's crowd.
TEST(shaping, what_the_group_lacks_is_worth_more) {
  const at::Tensor own = at::tensor({0.0, 0.0, 0.1, 3.0}, at::kDouble),
                   base = at::tensor({0.0, 3.0, 3.1, 2.9}, at::kDouble);
  const at::Tensor own_NN = (own.unsqueeze(1) - own).abs(), base_NM = (own.unsqueeze(1) - base).abs();
  const ShapedGroup shaped =
      shape_by_base({0.5, 0.5, 0.5, 0.5}, own_NN, diversity::mmd_witness(own_NN, base_NM, 1.0),
                    {.kind = "mmd", .weight = 1}, 0, nullptr);
  for (size_t j = 0; j < 3; ++j) EXPECT_GT(shaped.shaped[3], shaped.shaped[j] + 0.5);
}

}  // namespace shaping_test
}  // namespace gamut::algorithms
