// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/token_linear.h"

#include "gamut/nn/feed_forward.h"
#include "nn/against_double.h"
#include "support/cpu_paths.h"

namespace gamut::nn {
namespace token_linear_test {

struct Case {
  int64_t batch, tokens, in, out;
};
// 1 row, less than a chunk, several chunks with a remainder, columns with and without a remainder of 16.
const Case kCases[] = {{1, 1, 16, 16}, {3, 7, 48, 32}, {5, 61, 64, 80}, {2, 256, 32, 16}};

Tensors inputs(const Case& c) {
  return {wave({c.batch, c.tokens, c.in}, 1.1), wave({c.out, c.in}, 0.7), wave({c.out}, 0.3),
          wave({c.batch, c.tokens, c.out}, 2.3)};
}

at::Tensor with_residual(const Tensors& in) { return project(in[0], {in[1], in[2]}, in[3]); }
at::Tensor spelled_out(const Tensors& in) { return in[3] + at::linear(in[0], in[1], in[2]); }

// Sums of up to 512 products in fp32.
TEST_ON_CPU_PATHS(token_linear, equals_the_definition) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.out);
    EXPECT_TRUE(fits_matrix_kernels(inputs(c)[0], inputs(c)[1]));
    expect_as_in_double(with_residual, spelled_out, inputs(c), 1e-5);
  }
}

TEST_ON_CPU_PATHS(token_linear, works_without_bias_and_residual) {
  const Tensors in = inputs(kCases[1]);
  expect_as_in_double(
      [](const Tensors& t) {
        return project(t[0], {t[1], std::nullopt});
      },
      [](const Tensors& t) { return at::linear(t[0], t[1]); }, {in[0], in[1]}, 1e-5);
}

TEST_ON_CPU_PATHS(token_linear, bits_do_not_depend_on_threads_or_batch) {
  for (const Case& c : kCases) {
    expect_independent_of_threads(with_residual, inputs(c));
    const Tensors in = inputs(c);
    expect_independent_of_batch(
        [](const Tensors& t) {
          return project(t[0], {t[1], t[2]});
        },
        {in[0], in[1], in[2]});
  }
}

// Beyond what the kernels take. The library has routines of their own for few rows, and shares sums among
// threads.
TEST(token_linear, few_rows_are_rounded_as_many) {
  const int before = at::get_num_threads();
  const Tensors in = inputs({310, 1, 1536, 1100});
  EXPECT_FALSE(fits_matrix_kernels(in[0], in[1]));
  at::set_num_threads(1);
  const at::Tensor together = project(in[0], {in[1], in[2]}, in[3]);
  for (const int threads : {1, 2, 3, 8, 12}) {
    at::set_num_threads(threads);
    for (const int64_t rows : {1, 2, 3, 4, 5, 11, 17, 60, 199}) {
      const at::Tensor few = project(in[0].narrow(0, 5, rows), {in[1], in[2]}, in[3].narrow(0, 5, rows));
      EXPECT_TRUE(at::equal(few, together.narrow(0, 5, rows))) << rows << " rows, threads: " << threads;
    }
  }
  at::set_num_threads(before);
}

TEST_ON_CPU_PATHS(token_linear, gradients_of_few_rows_beyond_the_kernels) {
  expect_as_in_double(with_residual, spelled_out, inputs({1, 3, 40, 24}), 1e-5);
}

TEST_ON_CPU_PATHS(token_linear, frozen_weights_still_pass_gradients_on) {
  for (const Case& c : {kCases[1], Case{2, 9, 40, 24}}) {  // by the kernels, and beyond them
    const Tensors in = inputs(c);
    const at::Tensor x = in[0].clone().set_requires_grad(true);
    project(x, {in[1], in[2]}).sum().backward();
    EXPECT_TRUE(at::allclose(x.grad()[0][0], in[1].sum(0), 0, 1e-5));
    EXPECT_FALSE(in[1].grad().defined());
  }
}

TEST_ON_CPU_PATHS(token_linear, odd_widths_take_pytorch) {
  const Case c{2, 3, 10, 7};
  EXPECT_FALSE(fits_matrix_kernels(inputs(c)[0], inputs(c)[1]));
  expect_as_in_double(with_residual, spelled_out, inputs(c), 1e-5);
}

Tensors feed_forward_inputs(int64_t rows, int64_t width) {
  return {wave({2, rows, width}, 1.1), wave({8 * width, width}, 0.7),
          wave({8 * width}, 0.2),      wave({width, 4 * width}, 0.9),
          wave({width}, 0.5),          wave({2, rows, width}, 2.9)};
}

at::Tensor fused(const Tensors& in) { return feed_forward(in[0], {{in[1], in[2]}, {in[3], in[4]}}, in[5]); }
at::Tensor plain(const Tensors& in) {
  return plain_feed_forward(in[0], {{in[1], in[2]}, {in[3], in[4]}}, in[5]);
}

TEST_ON_CPU_PATHS(token_linear, feed_forward_equals_its_steps) {
  expect_as_in_double(fused, plain, feed_forward_inputs(50, 16), 2e-5);
  expect_as_in_double(fused, plain, feed_forward_inputs(9, 48), 2e-5);
}

TEST_ON_CPU_PATHS(token_linear, feed_forward_has_the_same_bits_in_every_mode) {
  const Tensors in = feed_forward_inputs(50, 32);
  expect_independent_of_threads(fused, in);
  EXPECT_TRUE(at::equal(differentiate(fused, in, at::kFloat).out, fused(in)));
}

TEST_ON_CPU_PATHS(token_linear, gelu_is_exact_over_its_whole_range) {
  // proj is the identity on the gate and one on the other half, out sums one inner number.
  const int64_t width = 16, inner = 4 * width;
  at::Tensor proj = at::zeros({2 * inner, width}), proj_bias = at::zeros({2 * inner}),
             out = at::zeros({width, inner});
  proj_bias.narrow(0, 0, inner).fill_(1);
  for (int64_t i = 0; i < width; ++i) {
    proj[inner + i][i] = 1;
    out[i][i] = 1;
  }
  const at::Tensor x = at::linspace(-12, 12, 16 * 2000, at::kFloat).view({2000, 16});
  const at::Tensor got = feed_forward(x, {{proj, proj_bias}, {out, at::zeros({width})}}, at::zeros_like(x));
  const at::Tensor exact = at::gelu(x.to(at::kDouble));
  // Relative where GELU is positive, absolute on its negative side, where it is below 0.17.
  EXPECT_LE(((got - exact).abs() / (exact.abs() + 0.17)).max().item<double>(), 3e-7);
}

}  // namespace token_linear_test
}  // namespace gamut::nn
