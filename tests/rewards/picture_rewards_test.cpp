// SPDX-License-Identifier: Apache-2.0
// Against Pillow and NumPy: tests/generators/clip_rewards.py.
#include "gamut/rewards/picture_rewards.h"

#include "gamut/io/files.h"
#include "gamut/nn/params.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>

namespace gamut::rewards {
namespace picture_rewards_test {

const std::filesystem::path kFixtures = GAMUT_SOURCE_DIR "/tests/rewards/fixtures";

struct Golden {
  nlohmann::json expected = io::read_json(kFixtures / "clip_rewards.json");
  at::Tensor pictures =
      nn::load_safetensors(kFixtures / "clip_rewards.safetensors").at("pictures").to(at::kFloat) / 255;
  std::vector<text::Prompt> prompts = std::vector<text::Prompt>(4);
};

TEST(picture_rewards, jpeg_sizes_are_pillows) {
  const Golden golden;
  const auto large = make_jpeg_reward(JpegGoal::kIncompressible),
             small = make_jpeg_reward(JpegGoal::kCompressible);
  EXPECT_EQ(large->name(), "jpeg_incompressibility");
  EXPECT_EQ(small->name(), "jpeg_compressibility");
  const Scores kilobytes = large->score(golden.pictures, golden.prompts);
  const Scores negative = small->score(golden.pictures, golden.prompts);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_DOUBLE_EQ(kilobytes.value[i], golden.expected["jpeg_kb"][i].get<double>()) << i;
    EXPECT_EQ(negative.value[i], -kilobytes.value[i]);
  }
}

TEST(picture_rewards, jpeg_sizes_of_odd_pictures_are_pillows) {
  const Golden golden;
  const at::Tensor large = golden.pictures.repeat_interleave(9, 2).repeat_interleave(7, 3);  // 144 x 112
  const Scores scores = make_jpeg_reward(JpegGoal::kIncompressible)->score(large, golden.prompts);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_DOUBLE_EQ(scores.value[i], golden.expected["jpeg_kb_large"][i].get<double>()) << i;
}

TEST(picture_rewards, noise_takes_more_bytes_than_a_flat_color) {
  const at::Tensor pictures = at::stack({at::full({3, 64, 64}, 0.4), at::rand({3, 64, 64})});
  const Scores scores =
      make_jpeg_reward(JpegGoal::kIncompressible)->score(pictures, std::vector<text::Prompt>(2));
  EXPECT_GT(scores.value[1], 5 * scores.value[0]);
}

TEST(picture_rewards, colorfulness_is_hasler_and_suesstrunks) {
  const Golden golden;
  const auto reward = make_colorfulness_reward();
  EXPECT_EQ(reward->name(), "colorfulness");
  const Scores scores = reward->score(golden.pictures, golden.prompts);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(scores.value[i], golden.expected["colorfulness"][i].get<double>(), 1e-9) << i;
}

TEST(picture_rewards, gray_has_no_color) {
  const at::Tensor gray = at::rand({1, 1, 8, 8}).expand({1, 3, 8, 8});
  EXPECT_EQ(make_colorfulness_reward()->score(gray, std::vector<text::Prompt>(1)).value[0], 0);
}

TEST(picture_rewards, a_picture_that_is_not_finite_fails_alone) {
  at::Tensor pictures = at::rand({2, 3, 8, 8});
  pictures[0][2][1][1] = std::numeric_limits<float>::quiet_NaN();
  for (const auto& reward : {make_colorfulness_reward(), make_jpeg_reward(JpegGoal::kCompressible)}) {
    const Scores scores = reward->score(pictures, std::vector<text::Prompt>(2));
    EXPECT_EQ(scores.failure, (std::vector<std::string>{"non-finite picture", ""}));
    EXPECT_TRUE(std::isnan(scores.value[0]));
    EXPECT_TRUE(std::isfinite(scores.value[1]));
  }
}

}  // namespace picture_rewards_test
}  // namespace gamut::rewards
