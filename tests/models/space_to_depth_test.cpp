// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vae/space_to_depth.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace space_to_depth_test {

TEST(space_to_depth, each_block_becomes_the_channels_of_one_pixel) {
  const at::Tensor pictures = at::arange(2 * 3 * 4 * 6, at::kFloat).view({2, 3, 4, 6}) / 143;
  const at::Tensor latents = SpaceToDepth{2}.encode(pictures);
  ASSERT_EQ(latents.sizes(), at::IntArrayRef({2, 12, 2, 3}));
  for (int64_t c = 0; c < 12; ++c) {
    // Color first, then the row, then the column within the block.
    const float expected = pictures[1][c / 4][2 + c / 2 % 2][4 + c % 2].item<float>() * 2 - 1;
    EXPECT_FLOAT_EQ(latents[1][c][1][2].item<float>(), expected) << c;
  }
}

TEST(space_to_depth, decoding_reverses_and_clamps) {
  const at::Tensor pictures = at::rand({2, 3, 6, 4});
  EXPECT_TRUE(at::allclose(SpaceToDepth{2}.decode(SpaceToDepth{2}.encode(pictures)), pictures, 0, 1e-6));
  const at::Tensor far = SpaceToDepth{2}.decode(at::full({1, 12, 1, 1}, 3.0));
  EXPECT_TRUE(at::equal(far, at::ones({1, 3, 2, 2})));
  EXPECT_TRUE(at::equal(SpaceToDepth{2}.decode(at::full({1, 12, 1, 1}, -3.0)), at::zeros({1, 3, 2, 2})));
}

TEST(space_to_depth, config_is_strict) {
  EXPECT_EQ(parse_space_to_depth({{"_class_name", "SpaceToDepth"}, {"block_size", 4}}, "vae").block_size, 4);
  EXPECT_THROW(parse_space_to_depth({{"_class_name", "AutoencoderKL"}}, "vae"), DataError);
  EXPECT_THROW(parse_space_to_depth({{"block_size", 0}}, "vae"), DataError);
}

}  // namespace space_to_depth_test
}  // namespace gamut::models
