// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/autocast.h"

#include "gamut/nn/convolution.h"
#include "gamut/nn/head_attention.h"
#include "gamut/nn/token_linear.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace gamut::nn {
namespace autocast_test {

using at::Tensor;

constexpr AutocastState kShort{at::kCPU, at::kBFloat16};

TEST(autocast, layers_compute_in_the_shorter_type) {
  const Tensor tokens = at::ones({2, 8, 16}), matrix = at::full({16, 16}, 0.1);
  const Tensor image = at::ones({2, 16, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor filter = at::full({16, 16, 3, 3}, 0.1).contiguous(at::MemoryFormat::ChannelsLast);
  const auto types = [&] {
    return std::vector<at::ScalarType>{project(tokens, {matrix, std::nullopt}).scalar_type(),
                                       convolve(image, filter, std::nullopt, {1, 1}).scalar_type()};
  };
  EXPECT_EQ(types(), (std::vector<at::ScalarType>{at::kFloat, at::kFloat}));
  EXPECT_TRUE(fits_head_attention(tokens, tokens, tokens, 2));
  {
    const Autocast scope(kShort);
    EXPECT_EQ(types(), (std::vector<at::ScalarType>{at::kBFloat16, at::kBFloat16}));
    EXPECT_FALSE(fits_head_attention(tokens, tokens, tokens, 2));
  }
  EXPECT_EQ(types(), (std::vector<at::ScalarType>{at::kFloat, at::kFloat}));
}

TEST(autocast, values_are_those_of_rounded_factors) {
  const Tensor x = at::linspace(-1, 1, 64).view({4, 16}), weight = at::linspace(-2, 1, 256).view({16, 16});
  const Tensor expected = at::linear(x.to(at::kBFloat16), weight.to(at::kBFloat16));
  const Autocast scope(kShort);
  EXPECT_TRUE(at::equal(project(x, {weight, std::nullopt}), expected));
}

TEST(autocast, gradients_of_the_weights_stay_in_their_type) {
  const Tensor x = at::linspace(-1, 1, 64).view({4, 16});
  const Tensor weight = at::linspace(-2, 1, 256).view({16, 16}).clone().set_requires_grad(true);
  {
    const Autocast scope(kShort);
    // A pass without gradient must leave nothing behind that the next one would use.
    {
      const at::NoGradGuard off;
      project(x, {weight, std::nullopt});
    }
    project(x, {weight, std::nullopt}).sum().backward();
  }
  ASSERT_TRUE(weight.grad().defined());
  EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
}

TEST(autocast, scopes_nest_and_are_undone) {
  EXPECT_FALSE(AutocastState::current().type.has_value());
  {
    const Autocast outer(kShort);
    EXPECT_EQ(AutocastState::current().type, at::kBFloat16);
    {
      const Autocast inner({at::kCPU, std::nullopt});
      EXPECT_FALSE(AutocastState::current().type.has_value());
    }
    EXPECT_EQ(AutocastState::current().type, at::kBFloat16);
  }
  EXPECT_FALSE(AutocastState::current().type.has_value());
}

}  // namespace autocast_test
}  // namespace gamut::nn
