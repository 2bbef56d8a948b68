// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/head_attention.h"

#include "gamut/nn/attention.h"
#include "nn/against_double.h"
#include "support/cpu_paths.h"

namespace gamut::nn {
namespace head_attention_test {

struct Case {
  int64_t batch, queries, keys, heads, width;
};
const Case kCases[] = {
    {2, 64, 64, 2, 8}, {3, 17, 5, 4, 16}, {1, 1, 33, 1, 64}, {2, 16, 16, 3, 24}, {1, 70, 1, 2, 40}};

Tensors inputs(const Case& c) {
  const int64_t all = c.heads * c.width;
  return {wave({c.batch, c.queries, all}, 1.7) * 2, wave({c.batch, c.keys, all}, 0.3) * 2,
          wave({c.batch, c.keys, all}, 2.9)};
}

// softmax(q k^T / sqrt(width)) v, spelled out.
Function spelled_out(const Case& c) {
  return [c](const Tensors& in) {
    const auto split = [&](const at::Tensor& t) {
      return t.view({t.size(0), t.size(1), c.heads, c.width}).transpose(1, 2);
    };
    const at::Tensor scores = split(in[0]).matmul(split(in[1]).transpose(2, 3)) / std::sqrt(double(c.width));
    return scores.softmax(3).matmul(split(in[2])).transpose(1, 2).flatten(2);
  };
}

Function kernel(const Case& c) {
  return [c](const Tensors& in) { return head_attention(in[0], in[1], in[2], c.heads); };
}

// fp32 against fp64: scores of size 30 lose 2e-6 in the exponent.
TEST_ON_CPU_PATHS(head_attention, equals_the_definition) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.width);
    expect_as_in_double(kernel(c), spelled_out(c), inputs(c), 2e-5);
  }
}

TEST_ON_CPU_PATHS(head_attention, bits_do_not_depend_on_threads) {
  for (const Case& c : kCases) {
    expect_independent_of_threads(kernel(c), inputs(c));
  }
}

TEST_ON_CPU_PATHS(head_attention, a_sample_does_not_depend_on_its_neighbours) {
  const Case c{4, 20, 9, 2, 8};
  const Tensors in = inputs(c);
  const at::Tensor all = kernel(c)(in);
  for (int64_t i = 0; i < c.batch; ++i) {
    const at::Tensor alone = kernel(c)({in[0].narrow(0, i, 1), in[1].narrow(0, i, 1), in[2].narrow(0, i, 1)});
    EXPECT_TRUE(at::equal(alone, all.narrow(0, i, 1)));
  }
}

TEST_ON_CPU_PATHS(head_attention, large_scores_do_not_overflow) {
  const at::Tensor q = at::ones({1, 3, 8}) * 100, v = wave({1, 4, 8}, 1.0);
  const at::Tensor k = at::arange(4, at::kFloat).view({1, 4, 1}).expand({1, 4, 8}).contiguous() * 10;
  // The last key beats the others by e^2828.
  EXPECT_TRUE(at::allclose(head_attention(q, k, v, 1), v.narrow(1, 3, 1).expand({1, 3, 8})));
}

TEST_ON_CPU_PATHS(head_attention, strided_rows_are_read_in_place) {
  const at::Tensor joined = wave({2, 10, 48}, 0.8);
  const at::Tensor q = joined.narrow(2, 0, 16), k = joined.narrow(2, 16, 16), v = joined.narrow(2, 32, 16);
  EXPECT_TRUE(at::equal(head_attention(q, k, v, 2),
                        head_attention(q.contiguous(), k.contiguous(), v.contiguous(), 2)));
}

TEST_ON_CPU_PATHS(head_attention, attend_takes_pytorch_where_the_kernel_does_not_fit) {
  const Case c{2, 6, 7, 2, 12};
  const Tensors in = inputs(c);
  EXPECT_FALSE(fits_head_attention(in[0], in[1], in[2], c.heads));
  expect_close(attend(in[0], in[1], in[2], c.heads),
               spelled_out(c)({in[0].to(at::kDouble), in[1].to(at::kDouble), in[2].to(at::kDouble)}), 2e-5,
               "output");
}

TEST_ON_CPU_PATHS(head_attention, causal_attention_sees_no_later_token) {
  const Case c{1, 6, 6, 2, 8};
  Tensors in = inputs(c);
  const at::Tensor before = attend(in[0], in[1], in[2], c.heads, true);
  in[1].narrow(1, 4, 2).fill_(9);
  in[2].narrow(1, 4, 2).fill_(9);
  EXPECT_TRUE(
      at::allclose(attend(in[0], in[1], in[2], c.heads, true).narrow(1, 0, 4), before.narrow(1, 0, 4)));
}

}  // namespace head_attention_test
}  // namespace gamut::nn
