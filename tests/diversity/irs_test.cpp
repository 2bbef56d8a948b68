// SPDX-License-Identifier: Apache-2.0
// The likelihood's maximum against exact integers (generators/clusters.py), and draws whose truth is known.
#include "gamut/diversity/irs.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/io/files.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <set>

namespace gamut::diversity {
namespace irs_test {

at::Tensor random_features(int64_t n, int64_t d, uint64_t seed) {
  std::vector<float> values(size_t(n * d));
  Stream(seed, "test.features").fill_normal(values);
  return at::tensor(values).view({n, d});
}

TEST(irs, reach_equals_exact_integers) {
  const auto json =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/diversity/fixtures/clusters.json");
  for (const auto& entry : json["retrieval"]) {
    EXPECT_EQ(likely_reach(entry["hits"], entry["draws"], entry["total"]), entry["reach"].get<int64_t>())
        << entry.dump();
  }
}

TEST(irs, reach_equals_a_search_over_all) {
  for (int64_t hits = 1; hits <= 30; ++hits) {
    for (const int64_t draws : {hits + 1, hits + 7, 3 * hits + 2}) {
      const int64_t total = 300;
      int64_t best = hits;
      double most = -INFINITY;
      for (int64_t s = hits; s <= total; ++s) {
        const double log_p = std::lgamma(double(s) + 1) - std::lgamma(double(s - hits) + 1) -
                             double(draws) * std::log(double(s));
        if (log_p > most + 1e-11) {
          most = log_p;
          best = s;
        }
      }
      EXPECT_EQ(likely_reach(hits, draws, total), best) << hits << " of " << draws;
    }
  }
}

TEST(irs, uniform_draws_recover_how_many_are_reached) {
  const at::Tensor real = random_features(400, 6, 1);
  double sum = 0;
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    Stream stream(uint64_t(round), "test.draws");
    std::vector<int64_t> drawn;
    for (int i = 0; i < 150; ++i) drawn.push_back(stream.below(100));  // the first 100 only
    const at::Tensor generated = real.index_select(0, at::tensor(drawn, at::kLong)) + 1e-4;
    const RetrievalScore score = retrieval_score(generated, real);
    EXPECT_EQ(score.hits, int64_t(std::set<int64_t>(drawn.begin(), drawn.end()).size()));
    EXPECT_GE(score.reach, score.hits);
    EXPECT_GE(score.irs_infinity, score.irs_alpha);
    EXPECT_EQ(score.alpha, 150.0 / 400);
    EXPECT_EQ(score.irs_alpha, double(score.hits) / 400);
    EXPECT_EQ(score.irs_infinity, double(score.reach) / 400);
    sum += double(score.reach) / kRounds;
  }
  // One round is off by about 12, the mean of twenty by about 3.
  EXPECT_NEAR(sum, 100, 8);
}

TEST(irs, adjusted_score_is_a_ratio_at_equal_draws) {
  const at::Tensor real = random_features(50, 4, 2);
  const RetrievalScore collapsed = retrieval_score(real.slice(0, 0, 1).repeat({20, 1}), real);
  const RetrievalScore varied = retrieval_score(real.slice(0, 0, 20), real);
  EXPECT_EQ(collapsed.reach, 1);
  EXPECT_EQ(varied.reach, 50) << "no real one was hit twice";
  EXPECT_EQ(adjusted_retrieval(collapsed, varied), 0.02);
  EXPECT_EQ(
      testing::message_of<DataError>(
          [&] { adjusted_retrieval(collapsed, retrieval_score(real.slice(0, 0, 10), real)); }),
      "[retrieval] the adjusted score compares equally many pictures; got alpha 0.4 and 0.2; subsample the "
      "larger set");
}

TEST(irs, refuses_features_that_do_not_fit) {
  EXPECT_EQ(
      testing::message_of<DataError>([] {
        retrieval_score(at::ones({2, 3}), at::ones({2, 4}));
      }),
      "[retrieval] generated and real features must have one width; got 3 and 4; use the same extractor for "
      "both");
  EXPECT_EQ(testing::message_of<DataError>([] {
              retrieval_score(at::full({1, 2}, NAN), at::ones({2, 2}));
            }),
            "[retrieval] generated features must be finite; got a NaN or an infinity");
}

}  // namespace irs_test
}  // namespace gamut::diversity
