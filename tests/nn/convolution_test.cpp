// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/convolution.h"

#include "nn/against_double.h"
#include "support/cpu_paths.h"

namespace gamut::nn {
namespace convolution_test {

using at::Tensor;

struct Case {
  int64_t batch, in, out, height, width, kernel, stride, padding;
};
// The last three are done by tiles, the very last has several slices of them.
const Case kCases[] = {{3, 16, 8, 5, 7, 3, 1, 1},   {2, 48, 12, 8, 8, 3, 2, 1}, {2, 32, 20, 6, 5, 3, 2, 0},
                       {1, 16, 4, 3, 3, 1, 1, 0},   {2, 16, 8, 9, 4, 5, 1, 2},  {2, 6, 5, 4, 4, 3, 1, 1},
                       {70, 16, 16, 2, 2, 3, 1, 1}, {3, 16, 48, 5, 7, 3, 1, 1}, {9, 16, 32, 16, 15, 3, 1, 1}};

Tensors inputs(const Case& c) {
  return {wave({c.batch, c.in, c.height, c.width}, 1.9), wave({c.out, c.in, c.kernel, c.kernel}, 0.6),
          wave({c.out}, 1.0)};
}

Function fast(const Case& c) {
  return [c](const Tensors& in) {
    const auto format = at::MemoryFormat::ChannelsLast;
    return convolve(in[0].contiguous(format), in[1].contiguous(format), in[2], {c.stride, c.padding});
  };
}

Function plain(const Case& c) {
  return [c](const Tensors& in) { return at::conv2d(in[0], in[1], in[2], c.stride, c.padding); };
}

// Sums of up to a few thousand products in fp32.
TEST_ON_CPU_PATHS(convolution, equals_the_definition) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(::testing::Message()
                 << c.in << " to " << c.out << ", kernel " << c.kernel << ", stride " << c.stride);
    expect_as_in_double(fast(c), plain(c), inputs(c), 1e-5);
  }
}

TEST_ON_CPU_PATHS(convolution, output_stays_channels_last) {
  const Tensor y = fast(kCases[0])(inputs(kCases[0]));
  EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_ON_CPU_PATHS(convolution, weight_gradients_do_not_depend_on_threads) {
  for (const Case& c : {kCases[0], kCases[1], kCases[6], kCases[8]}) {
    const Function function = fast(c);
    Tensors grads;
    const int before = at::get_num_threads();
    for (const int threads : {1, 4}) {
      at::set_num_threads(threads);
      grads.push_back(differentiate(function, inputs(c), at::kFloat).grads[1]);
    }
    at::set_num_threads(before);
    EXPECT_TRUE(at::equal(grads[0], grads[1]));
  }
}

TEST_ON_CPU_PATHS(convolution, a_picture_does_not_depend_on_its_neighbours) {
  for (const Case& c : kCases) {
    expect_independent_of_batch(fast(c), inputs(c));
  }
}

double error(const Tensor& got, const Tensor& exact) {
  return (got.to(at::kDouble) - exact).square().mean().sqrt().item<double>();
}

// Transforms cost no exactness: their sums are nine times shorter.
TEST_ON_CPU_PATHS(convolution, tiles_are_no_less_exact_than_the_library) {
  at::manual_seed(1);
  for (const auto& [in, out] : {std::pair{32, 32}, {128, 64}}) {
    const Tensor x = at::randn({4, in, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast),
                 weight = at::randn({out, in, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
    const Tensor exact = at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), {}, 1, 1);
    EXPECT_LT(error(convolve(x, weight, {}, {1, 1}), exact), error(at::conv2d(x, weight, {}, 1, 1), exact));
  }
}

TEST_ON_CPU_PATHS(convolution, frozen_weights_still_pass_gradients_on) {
  const Case& c = kCases[0];
  const Tensors in = inputs(c);
  const Tensor x = in[0].contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(true);
  convolve(x, in[1], in[2], {c.stride, c.padding}).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(in[1].grad().defined());
}

}  // namespace convolution_test
}  // namespace gamut::nn
