// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/scoring.h"

#include "gamut/core/error.h"
#include "tiny_training.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace gamut::train {
namespace scoring_test {

// As RedReward, from afar and slowly.
class DistantReward : public RedReward {
 public:
  bool waits_elsewhere() const override { return distant; }
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    EXPECT_EQ(++running, 1) << "one call at a time";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (fails) throw EnvironmentError("reward", "no answer");
    rewards::Scores scores = RedReward::score(pictures, prompts);
    --running;
    return scores;
  }
  bool distant = true, fails = false;
  std::atomic<int> running = 0;
};

TEST(scoring, scores_come_in_the_order_in_which_pictures_were_added) {
  DistantReward reward;
  Scoring scoring(reward);
  const at::Tensor pictures = at::rand({7, 3, 4, 4});
  for (int64_t begin = 0; begin < 7; begin += 2) {
    const int64_t count = std::min<int64_t>(2, 7 - begin);
    scoring.add(pictures.narrow(0, begin, count), std::vector<text::Prompt>(size_t(count)));
  }
  const rewards::Scores scores = scoring.finish();
  ASSERT_EQ(scores.value.size(), 7u);
  for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(scores.value[size_t(i)], pictures[i][0].mean().item<double>());
  EXPECT_TRUE(scoring.finish().value.empty());
}

TEST(scoring, what_the_reward_throws_is_thrown_again) {
  DistantReward reward;
  reward.fails = true;
  Scoring scoring(reward);
  scoring.add(at::rand({1, 3, 4, 4}), std::vector<text::Prompt>(1));
  scoring.add(at::rand({1, 3, 4, 4}), std::vector<text::Prompt>(1));
  EXPECT_THROW(scoring.finish(), EnvironmentError);
}

}  // namespace scoring_test
}  // namespace gamut::train
