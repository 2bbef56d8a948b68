// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/recompute.h"

#include "gamut/nn/autocast.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace gamut::nn {
namespace recompute_test {

using at::Tensor;

struct Layer {
  Tensor weight = at::linspace(-1, 1, 12, at::kFloat).view({3, 4}).set_requires_grad(true);
  int runs = 0;
  Segment segment() {
    return [this](const std::vector<Tensor>& in) {
      ++runs;
      const Tensor y = at::silu(at::linear(in[0], weight));
      return in.size() > 1 ? y * in[1] : y;
    };
  }
};

Tensor some_input() { return at::linspace(0, 2, 8, at::kFloat).view({2, 4}); }

TEST(recompute, gradients_are_those_of_plain_autograd) {
  for (const bool input_learns : {true, false}) {
    Layer plain, recomputing;
    const Tensor x1 = some_input().set_requires_grad(input_learns),
                 x2 = some_input().set_requires_grad(input_learns);
    const Tensor s1 = at::full({3}, 0.5).set_requires_grad(true),
                 s2 = at::full({3}, 0.5).set_requires_grad(true);
    const Tensor expected = plain.segment()({x1, s1}), got = recomputed(recomputing.segment(), {x2, s2});
    EXPECT_TRUE(at::equal(got, expected));
    expected.square().sum().backward();
    got.square().sum().backward();
    EXPECT_EQ(recomputing.runs, 2);
    EXPECT_TRUE(at::equal(recomputing.weight.grad(), plain.weight.grad()));
    EXPECT_TRUE(at::equal(s2.grad(), s1.grad()));
    EXPECT_EQ(x2.grad().defined(), input_learns);
    if (input_learns) {
      EXPECT_TRUE(at::equal(x2.grad(), x1.grad()));
    }
  }
}

TEST(recompute, parameters_alone_are_enough_for_a_gradient) {
  Layer plain, recomputing;
  plain.segment()({some_input()}).sum().backward();
  recomputed(recomputing.segment(), {some_input()}).sum().backward();
  EXPECT_TRUE(at::equal(recomputing.weight.grad(), plain.weight.grad()));
}

// One of them may go nowhere.
TEST(recompute, several_results_share_one_second_run) {
  for (const bool both : {true, false}) {
    Layer plain, recomputing;
    const auto wide = [](Layer& layer) {
      return [&layer](const std::vector<Tensor>& in) {
        const Tensor y = layer.segment()({in[0]});
        return std::vector<Tensor>{y.exp(), y.square()};
      };
    };
    const Tensor x1 = some_input().set_requires_grad(true), x2 = some_input().set_requires_grad(true);
    const std::vector<Tensor> expected = wide(plain)({x1}), got = recomputed_all(wide(recomputing), {x2});
    EXPECT_TRUE(at::equal(got[0], expected[0]) && at::equal(got[1], expected[1]));
    const auto loss = [both](const std::vector<Tensor>& y) {
      return both ? (y[0] * y[1]).sum() : y[1].sum();
    };
    loss(expected).backward();
    loss(got).backward();
    EXPECT_EQ(recomputing.runs, 2);
    EXPECT_TRUE(at::allclose(recomputing.weight.grad(), plain.weight.grad(), 1e-6, 1e-7));
    EXPECT_TRUE(at::allclose(x2.grad(), x1.grad(), 1e-6, 1e-7));
  }
}

TEST(recompute, segments_in_a_row_pass_gradients_on) {
  Layer plain, recomputing;
  Tensor expected = some_input(), got = some_input();
  for (int i = 0; i < 3; ++i) {
    expected = at::constant_pad_nd(plain.segment()({expected}), {0, 1});
    got = at::constant_pad_nd(recomputed(recomputing.segment(), {got}), {0, 1});
  }
  expected.sum().backward();
  got.sum().backward();
  EXPECT_EQ(recomputing.runs, 6);
  EXPECT_TRUE(at::allclose(recomputing.weight.grad(), plain.weight.grad(), 1e-6, 1e-7));
}

TEST(recompute, the_second_time_is_in_the_precision_of_the_first) {
  Layer plain, recomputing;
  Tensor expected, got;
  {
    const Autocast scope({at::kCPU, at::kBFloat16});
    expected = plain.segment()({some_input()}).sum();
    got = recomputed(recomputing.segment(), {some_input()}).sum();
  }
  EXPECT_TRUE(at::equal(got, expected));
  expected.backward();
  got.backward();
  EXPECT_TRUE(at::equal(recomputing.weight.grad(), plain.weight.grad()));
}

TEST(recompute, without_gradients_it_is_a_call) {
  Layer layer;
  const at::NoGradGuard off;
  EXPECT_FALSE(recomputed(layer.segment(), {some_input()}).requires_grad());
  EXPECT_EQ(layer.runs, 1);
}

}  // namespace recompute_test
}  // namespace gamut::nn
