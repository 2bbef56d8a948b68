// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/synonyms.h"

#include <gtest/gtest.h>

namespace gamut {
namespace synonyms_test {

TEST(synonyms, words_of_the_field_mean_a_known_name) {
  const std::vector<std::string> keys{"optimizer.learning_rate", "rollout.micro_batch", "regularizer.weight",
                                      "model"};
  EXPECT_EQ(meant_by("lr", keys), "optimizer.learning_rate");
  EXPECT_EQ(meant_by("train.lr", keys), "optimizer.learning_rate");
  EXPECT_EQ(meant_by("--Batch-Size", keys), "rollout.micro_batch");
  EXPECT_EQ(meant_by("beta", keys), "regularizer.weight");
  EXPECT_EQ(meant_by("num_inference_steps", keys), "");  // what it means is not known here
  EXPECT_EQ(meant_by("num_inference_steps", {"--model", "--steps"}), "--steps");
  EXPECT_EQ(meant_by("wholly_unlike", keys), "");
}

TEST(synonyms, a_name_is_no_synonym_of_itself) {
  EXPECT_EQ(meant_by("--resume", {"--resume"}), "");
  EXPECT_EQ(meant_by("dtype", {"dtype"}), "");
}

}  // namespace synonyms_test
}  // namespace gamut
