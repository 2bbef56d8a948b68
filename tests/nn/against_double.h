// SPDX-License-Identifier: Apache-2.0
// Compares a fp32 function, forward and backward, with the same function by PyTorch's operations in fp64.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace gamut::nn {

using Tensors = std::vector<at::Tensor>;
using Function = std::function<at::Tensor(const Tensors&)>;

struct Computed {
  at::Tensor out;
  Tensors grads;
};

// Gradients of sum(out * probe), probe a fixed wave.
inline Computed differentiate(const Function& function, const Tensors& inputs, at::ScalarType dtype) {
  Tensors leaves;
  for (const at::Tensor& input : inputs) {
    leaves.push_back(input.detach().to(dtype, false, true).set_requires_grad(true));
  }
  Computed computed{function(leaves), {}};
  const at::Tensor probe =
      at::arange(computed.out.numel(), at::kDouble).mul(0.7).sin().view(computed.out.sizes());
  (computed.out * probe.to(dtype)).sum().backward();
  for (const at::Tensor& leaf : leaves) {
    computed.grads.push_back(leaf.grad());
  }
  return computed;
}

// What is left in fp32 of sums of ones that cancel.
constexpr double kRounding = 1e-6;

inline void expect_close(const at::Tensor& got, const at::Tensor& exact, double relative,
                         const std::string& what) {
  ASSERT_EQ(got.sizes(), exact.sizes()) << what;
  const double size = exact.abs().max().item<double>();
  EXPECT_LE((got.to(at::kDouble) - exact).abs().max().item<double>(), relative * size + kRounding) << what;
}

// `relative` to the largest number of each tensor.
inline void expect_as_in_double(const Function& function, const Function& exact, const Tensors& inputs,
                                double relative) {
  const Computed got = differentiate(function, inputs, at::kFloat);
  const Computed expected = differentiate(exact, inputs, at::kDouble);
  expect_close(got.out, expected.out, relative, "output");
  for (size_t i = 0; i < inputs.size(); ++i) {
    expect_close(got.grads[i], expected.grads[i], relative, "gradient of input " + std::to_string(i));
  }
}

// Same bits from one thread and from four, forward and backward.
inline void expect_independent_of_threads(const Function& function, const Tensors& inputs) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Computed one = differentiate(function, inputs, at::kFloat);
  at::set_num_threads(4);
  const Computed four = differentiate(function, inputs, at::kFloat);
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.out, four.out));
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_TRUE(at::equal(one.grads[i], four.grads[i])) << "gradient of input " << i;
  }
}

// Row i of the batch alone gives the bits it has within the batch; inputs[0] is the batch.
inline void expect_independent_of_batch(const Function& function, const Tensors& inputs) {
  const at::Tensor all = function(inputs);
  for (int64_t i = 0; i < inputs[0].size(0); ++i) {
    Tensors alone = inputs;
    alone[0] = inputs[0].narrow(0, i, 1);
    EXPECT_TRUE(at::equal(function(alone), all.narrow(0, i, 1))) << "row " << i;
  }
}

inline at::Tensor wave(at::IntArrayRef shape, double frequency, double phase = 0) {
  const int64_t count = c10::multiply_integers(shape);
  return at::arange(count, at::kDouble).mul(frequency).add(phase).sin().view(shape).to(at::kFloat);
}

}  // namespace gamut::nn
