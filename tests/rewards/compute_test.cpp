// SPDX-License-Identifier: Apache-2.0
// Where rewards and features compute: device, type, batch.
#include "gamut/rewards/compute.h"

#include "gamut/core/error.h"
#include "gamut/rewards/clip_score.h"
#include "gamut/rewards/features.h"
#include "gamut/rewards/reward.h"
#include "rewards/clip_model.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::rewards {
namespace compute_test {

using testing::message_of;
using testing::TempFolder;

const std::vector<text::Prompt> kSeven(7, {"the digit 7", "7", {}});

std::vector<double> scores(const std::string& model, const Compute& compute) {
  const at::Tensor pictures = at::linspace(0, 1, 7 * 3 * 40 * 40).view({7, 3, 40, 40}).sin().abs();
  return make_clip_score(model, compute)->score(pictures, kSeven).value;
}

TEST(compute, keys_are_those_of_reward_and_of_features) {
  RewardConfig reward;
  bind(parse_recipe("device = \"cuda\"\ndtype = \"bf16\"\nbatch = 64\n", "r.toml"), reward);
  EXPECT_EQ(reward.compute.device, "cuda");
  EXPECT_EQ(reward.compute.dtype, "bf16");
  EXPECT_EQ(reward.compute.batch, 64);
  struct Table {
    FeaturesConfig features;
    void fields(FieldVisitor& v) { features.fields(v, "what is looked at"); }
  } table;
  bind(parse_recipe("features = \"clip\"\nfeatures_model = \"c\"\nfeatures_device = \"cpu\"\nfeatures_dtype "
                    "= \"bf16\"\n"
                    "features_batch = 2\n",
                    "r.toml"),
       table);
  EXPECT_EQ(table.features.kind, "clip");
  EXPECT_EQ(table.features.model, "c");
  EXPECT_EQ(table.features.compute.device, "cpu");
  EXPECT_EQ(table.features.compute.dtype, "bf16");
  EXPECT_EQ(table.features.compute.batch, 2);
}

TEST(compute, the_default_is_the_policys_device_in_fp32) {
  const Compute made = open_compute({}, "cpu");
  EXPECT_TRUE(made.where.device.is_cpu());
  EXPECT_EQ(made.where.dtype, at::kFloat);
  EXPECT_EQ(open_compute({.device = "cpu"}, "cuda").where.device, at::Device(at::kCPU));
  EXPECT_NE(message_of<EnvironmentError>([] {
              open_compute({.dtype = "fp16"}, "cpu");
            }).find("the CPU computes in fp32 and bf16"),
            std::string::npos);
}

TEST(compute, a_batch_changes_no_score) {
  const TempFolder folder;
  write_clip(folder);
  const std::vector<double> usual = scores(folder.path().string(), {});
  for (const int64_t batch : {1, 3, 64}) {
    const std::vector<double> other = scores(folder.path().string(), {.batch = batch});
    for (size_t i = 0; i < usual.size(); ++i)
      EXPECT_NEAR(other[i], usual[i], 1e-6) << batch;  // sums in another order
  }
}

// bf16 keeps eight bits of a weight; a cosine of the two embeddings stays within a hundredth.
TEST(compute, bf16_is_near_fp32) {
  const TempFolder folder;
  write_clip(folder);
  const std::string model = folder.path().string();
  const std::vector<double> full = scores(model, {}),
                            half = scores(model, open_compute({.dtype = "bf16"}, "cpu"));
  bool any_differs = false;
  for (size_t i = 0; i < full.size(); ++i) {
    EXPECT_NEAR(half[i], full[i], 1e-2);
    any_differs = any_differs || half[i] != full[i];
  }
  EXPECT_TRUE(any_differs);
}

}  // namespace compute_test
}  // namespace gamut::rewards
