// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/gelu_tanh.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace gamut::nn {
namespace gelu_tanh_test {

using at::Tensor;

TEST(gelu_tanh, values_and_gradients_are_the_formulas) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const Tensor x = at::linspace(-6, 6, 96, at::kDouble).view({3, 2, 16}).to(type).set_requires_grad(true);
    const Tensor reference = x.detach().to(at::kDouble).set_requires_grad(true);
    const double scale = std::sqrt(2 / M_PI);
    const Tensor expected =
        0.5 * reference * (1 + at::tanh(scale * (reference + 0.044715 * reference.pow(3))));
    const Tensor y = gelu_tanh(x);
    EXPECT_TRUE(at::allclose(y.detach().to(at::kDouble), expected.detach(), 1e-6, 1e-6));
    y.square().sum().backward();
    expected.square().sum().backward();
    EXPECT_TRUE(at::allclose(x.grad().to(at::kDouble), reference.grad(), 1e-5, 1e-5));
  }
}

// With threads, at::gelu cuts this one within a vector.
TEST(gelu_tanh, a_row_does_not_depend_on_the_others_or_on_threads) {
  const Tensor x = at::randn({224, 128});
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  const Tensor together = gelu_tanh(x);
  at::set_num_threads(1);
  for (int64_t row = 0; row < x.size(0); ++row)
    EXPECT_TRUE(at::equal(gelu_tanh(x.narrow(0, row, 1)), together.narrow(0, row, 1))) << row;
  at::set_num_threads(before);
}

}  // namespace gelu_tanh_test
}  // namespace gamut::nn
