// SPDX-License-Identifier: Apache-2.0
// Against transformers, open_clip and PyTorch: tests/generators/clip_rewards.py.
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/nn/params.h"
#include "gamut/rewards/aesthetic.h"
#include "gamut/rewards/clip_score.h"
#include "gamut/rewards/reward.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::rewards {
namespace clip_rewards_test {

using testing::message_of;
using testing::TempFolder;

const std::filesystem::path kFixtures = GAMUT_SOURCE_DIR "/tests/rewards/fixtures";

struct Golden {
  nlohmann::json expected = io::read_json(kFixtures / "clip_rewards.json");
  at::Tensor pictures =
      nn::load_safetensors(kFixtures / "clip_rewards.safetensors").at("pictures").to(at::kFloat) / 255;
  std::vector<text::Prompt> prompts;
  Golden() {
    for (const auto& text : expected["prompts"]) prompts.push_back({text.get<std::string>(), "", {}});
  }
  // fp32 networks summed in another order: 1e-5, relative to values up to 1.
  void expect(Reward& reward, const char* key) const {
    const Scores scores = reward.score(pictures, prompts);
    EXPECT_EQ(reward.name(), key);
    ASSERT_EQ(scores.num_failed(), 0);
    for (size_t i = 0; i < prompts.size(); ++i) {
      EXPECT_NEAR(scores.value[i], expected[key][i].get<double>(), 1e-5) << key << " " << i;
      EXPECT_EQ(scores.exact[i], 0);
      // Alone as in the batch, bit for bit.
      EXPECT_EQ(reward.score(pictures.narrow(0, int64_t(i), 1), {&prompts[i], 1}).value[0], scores.value[i]);
    }
  }
};

TEST(clip_rewards, clip_score_is_transformers) {
  Golden().expect(*make_clip_score((kFixtures / "tiny_clip").string()), "clip_score");
}

TEST(clip_rewards, pickscore_is_transformers) {
  Golden().expect(*make_pickscore((kFixtures / "tiny_clip").string()), "pickscore");
}

TEST(clip_rewards, hps_is_open_clip_under_its_own_names) {
  Golden().expect(*make_hps((kFixtures / "tiny_open_clip").string()), "hps");
}

TEST(clip_rewards, aesthetic_is_the_published_head) {
  Golden().expect(
      *make_aesthetic((kFixtures / "tiny_clip").string(), kFixtures / "aesthetic_head.safetensors"),
      "aesthetic");
}

TEST(clip_rewards, a_non_finite_picture_fails_alone) {
  Golden golden;
  golden.pictures[1][0][3][3] = std::numeric_limits<float>::quiet_NaN();
  const Scores scores =
      make_aesthetic((kFixtures / "tiny_clip").string(), kFixtures / "aesthetic_head.safetensors")
          ->score(golden.pictures, golden.prompts);
  EXPECT_EQ(scores.failure, (std::vector<std::string>{"", "non-finite picture", "", ""}));
}

// A head with one tensor changed by `change`.
std::string message_for_head(const std::function<void(nn::TensorMap&)>& change) {
  const TempFolder folder;
  nn::TensorMap tensors = nn::load_safetensors(kFixtures / "aesthetic_head.safetensors");
  change(tensors);
  std::vector<nn::NamedTensor> named;
  for (const auto& [name, tensor] : tensors) named.push_back({name, tensor});
  nn::save_safetensors(folder / "head.safetensors", named);
  const std::string text = message_of<DataError>(
      [&] { make_aesthetic((kFixtures / "tiny_clip").string(), folder / "head.safetensors"); });
  return text.substr(text.find(']') + 2);
}

TEST(clip_rewards, a_wrong_head_is_named) {
  EXPECT_EQ(message_for_head([](nn::TensorMap& t) { t.erase("layers.4.bias"); }),
            "an aesthetic head holds layers.{0,2,4,6,7}.weight and .bias; 'layers.4.bias' is missing");
  EXPECT_EQ(message_for_head([](nn::TensorMap& t) {
              t["layers.0.weight"] = at::zeros({8, 768});
            }),
            "tensor 'layers.0.weight' must take 12 numbers, as many as the CLIP's embedding has; got shape "
            "[8, 768] with "
            "8 biases");
  EXPECT_EQ(message_for_head([](nn::TensorMap& t) { t["layers.9.weight"] = at::zeros({1}); }),
            "unknown tensor 'layers.9.weight'; an aesthetic head has five layers");
  EXPECT_EQ(message_for_head([](nn::TensorMap& t) { t["layers.7.bias"] = at::full({1}, NAN); }),
            "tensor 'layers.7.bias' must be 1-dimensional and finite; got shape [1]");
}

TEST(clip_rewards, weights_that_no_default_names_are_asked_for) {
  EXPECT_EQ(message_of<ConfigError>([] { make_reward({.kind = "pickscore"}); }),
            "[reward] reward 'pickscore' needs pickscore_model = folder of PickScore_v1; got none; "
            "docs/rewards.md says "
            "where it comes from");
  EXPECT_NE(message_of<ConfigError>([] { make_reward({.kind = "hps"}); }).find("hps_model"),
            std::string::npos);
  EXPECT_NE(message_of<ConfigError>([] { make_reward({.kind = "aesthetic"}); }).find("aesthetic_model"),
            std::string::npos);
}

}  // namespace clip_rewards_test
}  // namespace gamut::rewards
