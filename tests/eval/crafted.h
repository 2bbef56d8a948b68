// SPDX-License-Identifier: Apache-2.0
// Pictures and judges made by hand.
#pragma once

#include "gamut/rewards/reward.h"

#include <ATen/ATen.h>

#include <array>
#include <functional>

namespace gamut::eval {

using Color = std::array<double, 3>;

// [3, 32, 32]: a square of ink in the middle of the ground.
inline at::Tensor square(const Color& ink, const Color& ground) {
  at::Tensor picture = at::empty({3, 32, 32});
  for (int64_t c = 0; c < 3; ++c) {
    picture[c].fill_(ground[size_t(c)]);
    picture[c].narrow(0, 8, 16).narrow(1, 8, 16).fill_(ink[size_t(c)]);
  }
  return picture;
}

// Calls back once per picture; a negative score is a failure.
class CraftedReward : public rewards::Reward {
 public:
  using Score = std::function<double(const at::Tensor& picture, const text::Prompt& prompt)>;
  explicit CraftedReward(Score score) : score_(std::move(score)) {}
  std::string name() const override { return "crafted"; }
  bool reads_text() const override { return true; }
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    rewards::Scores scores;
    for (size_t i = 0; i < prompts.size(); ++i) {
      const double value = score_(pictures[int64_t(i)], prompts[i]);
      scores.value.push_back(value < 0 ? std::numeric_limits<double>::quiet_NaN() : value);
      scores.exact.push_back(value == 1);
      scores.failure.push_back(value < 0 ? "negative" : "");
    }
    return scores;
  }

 private:
  Score score_;
};

}  // namespace gamut::eval
