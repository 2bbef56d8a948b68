// SPDX-License-Identifier: Apache-2.0
// Four modes whose shares are a softmax of logits, moved by the policy gradient of sampled groups: plain GRPO
// follows replicator dynamics to a single mode; with the cluster bonus the shares settle where Q_k + beta /
// sqrt(w_k) is equal for all: w_k = (beta / (c - Q_k))^2.
#include "algorithms/credit_support.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace gamut::algorithms {
namespace replicator_test {

constexpr int64_t kModes = 4, kMembers = 256;
constexpr std::array<double, kModes> kQuality = {0, .01, .02, .03};
using Shares = std::array<double, kModes>;

Shares softmax(const Shares& logits) {
  Shares shares{};
  double sum = 0;
  for (int64_t k = 0; k < kModes; ++k) sum += shares[size_t(k)] = std::exp(logits[size_t(k)]);
  for (double& share : shares) share /= sum;
  return shares;
}

int64_t draw(const Shares& shares, Stream& stream) {
  double left = stream.uniform();
  for (int64_t k = 0; k + 1 < kModes; ++k)
    if ((left -= shares[size_t(k)]) < 0) return k;
  return kModes - 1;
}

// One update from one group; the gradient of ln w_k with respect to logit m is [k = m] - w_m.
void update(Shares& logits, const testing::CreditRecipe& by, double rate, Stream& stream) {
  const Shares shares = softmax(logits);
  Group group;
  for (int64_t j = 0; j < kMembers; ++j) {
    group.clusters.push_back(draw(shares, stream));
    group.rewards.push_back(kQuality[size_t(group.clusters.back())]);
    group.scored.push_back(1);
  }
  const Credit credit = testing::credit({group}, by);
  for (int64_t j = 0; j < kMembers; ++j)
    for (int64_t m = 0; m < kModes; ++m)
      logits[size_t(m)] += rate / double(kMembers) * credit.groups[0].advantages[size_t(j)] *
                           (double(group.clusters[size_t(j)] == m) - shares[size_t(m)]);
}

struct Outcome {
  Shares mean{};       // over the second half
  double entropy = 0;  // at the end
};

Outcome train(std::string_view toml, int64_t updates, double rate, uint64_t seed) {
  const testing::CreditRecipe by = testing::recipe(toml);
  Stream stream(seed, "test");
  Shares logits{};
  Outcome outcome;
  for (int64_t i = 0; i < updates; ++i) {
    update(logits, by, rate, stream);
    if (2 * i < updates) continue;
    const Shares shares = softmax(logits);
    for (size_t k = 0; k < kModes; ++k) outcome.mean[k] += shares[k] * 2 / double(updates);
  }
  for (const double share : softmax(logits)) outcome.entropy -= share * std::log(share);
  return outcome;
}

// c > max Q with sum_k (beta / (c - Q_k))^2 = 1, by bisection.
Shares equilibrium(double beta) {
  double low = kQuality.back() + 1e-9, high = kQuality.back() + 10;
  Shares shares{};
  for (int i = 0; i < 200; ++i) {
    const double c = (low + high) / 2;
    double sum = 0;
    for (size_t k = 0; k < kModes; ++k) sum += shares[k] = std::pow(beta / (c - kQuality[k]), 2);
    (sum > 1 ? low : high) = c;
  }
  return shares;
}

TEST(replicator, the_equilibrium_of_the_specification) {
  const Shares shares = equilibrium(.07);
  for (const auto& [k, expected] : {std::pair{0, .200}, {1, .229}, {2, .264}, {3, .307}})
    EXPECT_NEAR(shares[size_t(k)], expected, 5e-4);
}

TEST(replicator, plain_grpo_keeps_one_mode) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Outcome outcome = train(
        "advantage.kind = \"group\"\nadvantage.std_ddof = 1\nadvantage.std_eps = 1e-8", 1500, 0.2, seed);
    EXPECT_LT(outcome.entropy, 0.05);
    EXPECT_GT(outcome.mean.back(), 0.95);
  }
}

TEST(replicator, the_bonus_keeps_every_mode_at_its_equilibrium) {
  const Shares expected = equilibrium(.07);
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Outcome outcome = train(
        "shaping.kind = \"cluster_bonus\"\nshaping.beta = 0.07\nadvantage.kind = \"group\"\n"
        "advantage.std_ddof = 1\nadvantage.std_eps = 1e-8",
        6000, 0.05, seed);
    for (size_t k = 0; k < kModes; ++k) EXPECT_NEAR(outcome.mean[k], expected[k], 0.01) << "mode " << k;
    EXPECT_GT(outcome.entropy, 1.3);  // of ln 4 = 1.386
  }
}

}  // namespace replicator_test
}  // namespace gamut::algorithms
