// SPDX-License-Identifier: Apache-2.0
// The class that docs/howto/own_reward.md shows, as it stands there.
#include "gamut/rewards/pictures.h"
#include "gamut/rewards/reward.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>

namespace gamut::rewards {
namespace own_reward_test {

// As on the page, from here
class Brightness : public Reward {
 public:
  std::string name() const override { return "brightness"; }
  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);  // marks pictures that are not finite
    const at::Tensor mean_B = pictures.mean({1, 2, 3});
    for (size_t i = 0; i < prompts.size(); ++i)
      if (scores.failure[i].empty()) scores.value[i] = mean_B[int64_t(i)].item<double>();
    return scores;
  }
};
// to here.

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(GAMUT_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string between(const std::string& text, const std::string& open, const std::string& close) {
  const size_t begin = text.find(open) + open.size();
  return text.substr(begin, text.find(close, begin) - begin);
}

TEST(own_reward, is_what_the_page_shows) {
  const std::string page = between(text_of("docs/howto/own_reward.md"), "```cpp\n", "```\n");
  EXPECT_EQ(page, between(text_of("tests/rewards/own_reward_test.cpp"), "// As on the page, from here\n",
                          "// to here.\n"));
}

TEST(own_reward, scores_and_fails_per_picture) {
  at::Tensor pictures = at::zeros({3, 3, 4, 4});
  pictures[1].fill_(0.5);
  pictures[2].fill_(std::numeric_limits<float>::quiet_NaN());
  const std::vector<text::Prompt> prompts(3);
  const Scores scores = Brightness().score(pictures, prompts);
  EXPECT_EQ(scores.value[0], 0.0);
  EXPECT_EQ(scores.value[1], 0.5);
  EXPECT_FALSE(scores.failure[2].empty());
}

}  // namespace own_reward_test
}  // namespace gamut::rewards
