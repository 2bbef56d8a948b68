// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/group_norm_silu.h"

#include "nn/against_double.h"
#include "support/cpu_paths.h"

namespace gamut::nn {
namespace group_norm_silu_test {

struct Case {
  int64_t batch, channels, height, width, groups;
  NormActivation activation;
};

const Case kCases[] = {{3, 32, 5, 3, 8, NormActivation::kSilu},
                       {2, 96, 4, 4, 8, NormActivation::kSilu},
                       {1, 16, 1, 1, 4, NormActivation::kSilu},
                       {2, 48, 7, 2, 3, NormActivation::kNone},
                       {2, 64, 8, 8, 1, NormActivation::kNone}};

// Inputs: x, shift, weight, bias.
Function fused(const Case& c) {
  return [c](const Tensors& in) {
    const at::Tensor x = in[0].contiguous(at::MemoryFormat::ChannelsLast);
    return fused_group_norm(x, {in[1], in[2], in[3], c.groups, 1e-5, c.activation});
  };
}

Function plain(const Case& c) {
  return [c](const Tensors& in) {
    return plain_group_norm(in[0], {in[1], in[2], in[3], c.groups, 1e-5, c.activation});
  };
}

Tensors inputs(const Case& c, int64_t shift_rows) {
  return {wave({c.batch, c.channels, c.height, c.width}, 1.3) * 3 + 2, wave({shift_rows, c.channels}, 2.1),
          wave({c.channels}, 0.9) + 1.5, wave({c.channels}, 0.4)};
}

// fp32 against fp64, relative to the largest value: a few roundings of sums over at most 768 numbers.
TEST_ON_CPU_PATHS(group_norm_silu, equals_the_steps_taken_one_by_one) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.channels);
    if (c.channels / c.groups * c.height * c.width > 4) {
      expect_as_in_double(fused(c), plain(c), inputs(c, c.batch), 1e-5);
      expect_as_in_double(fused(c), plain(c), inputs(c, 1), 1e-5);
    }
  }
}

TEST_ON_CPU_PATHS(group_norm_silu, works_without_shift) {
  const Case c = kCases[0];
  const auto without = [&c](auto function) {
    return [&c, function](const Tensors& in) {
      return function(in[0].contiguous(at::MemoryFormat::ChannelsLast),
                      GroupNormArguments{{}, in[1], in[2], c.groups, 1e-5, c.activation});
    };
  };
  const Tensors all = inputs(c, 1);
  expect_as_in_double(without(fused_group_norm), without(plain_group_norm), {all[0], all[2], all[3]}, 1e-5);
}

TEST_ON_CPU_PATHS(group_norm_silu, gradient_meets_finite_differences) {
  const Case c{1, 16, 3, 2, 4, NormActivation::kSilu};
  const Tensors in = inputs(c, 1);
  const Computed got = differentiate(fused(c), in, at::kFloat);
  const at::Tensor probe = at::arange(got.out.numel(), at::kDouble).mul(0.7).sin().view(got.out.sizes());
  const double step = 1e-5;
  for (const int64_t at : {0, 17, 95}) {
    double values[2];
    for (const int side : {0, 1}) {
      Tensors moved{in[0].to(at::kDouble).clone(), in[1].to(at::kDouble), in[2].to(at::kDouble),
                    in[3].to(at::kDouble)};
      moved[0].view(-1)[at] += side == 0 ? -step : step;
      values[side] = (plain(c)(moved) * probe).sum().item<double>();
    }
    // Central differences in fp64 are good to 1e-8 here; the rest is fp32.
    EXPECT_NEAR(got.grads[0].flatten()[at].item<double>(), (values[1] - values[0]) / (2 * step), 2e-5);
  }
}

TEST_ON_CPU_PATHS(group_norm_silu, survives_large_means) {
  const Case c{2, 32, 8, 8, 8, NormActivation::kNone};
  Tensors in = inputs(c, 1);
  in[0] = in[0] + 1000;
  // The mean costs three digits of fp32's seven: 1000 * 6e-8 beside values of size 3.
  expect_close(
      fused(c)(in),
      plain(c)({in[0].to(at::kDouble), in[1].to(at::kDouble), in[2].to(at::kDouble), in[3].to(at::kDouble)}),
      2e-4, "output");
}

TEST_ON_CPU_PATHS(group_norm_silu, extreme_values_stay_finite) {
  const at::Tensor x =
      at::tensor({-1e4F, 1e4F}).repeat({16}).view({1, 32, 1, 1}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor ones = at::ones({32}) * 200;
  const at::Tensor y = fused_group_norm(x, {{}, ones, at::zeros({32}), 1, 1e-5, NormActivation::kSilu});
  EXPECT_TRUE(at::isfinite(y).all().item<bool>());
  EXPECT_FLOAT_EQ(y.flatten()[1].item<float>(), 200.0F);
  EXPECT_NEAR(y.flatten()[0].item<float>(), 0.0, 1e-30);
}

TEST_ON_CPU_PATHS(group_norm_silu, bits_do_not_depend_on_threads_batch_or_grad_mode) {
  for (const Case& c : kCases) {
    expect_independent_of_threads(fused(c), inputs(c, c.batch));
    expect_independent_of_batch(fused(c), inputs(c, 1));
    const Tensors in = inputs(c, 1);
    EXPECT_TRUE(at::equal(differentiate(fused(c), in, at::kFloat).out, fused(c)(in)));
  }
}

TEST_ON_CPU_PATHS(group_norm_silu, other_layouts_and_types_take_the_plain_path) {
  const Case c{2, 12, 4, 4, 3, NormActivation::kSilu};
  const Tensors in = inputs(c, 1);
  EXPECT_TRUE(at::equal(fused(c)(in),
                        plain(c)({in[0].contiguous(at::MemoryFormat::ChannelsLast), in[1], in[2], in[3]})));
  const auto half = [&](const at::Tensor& t) { return t.to(at::kBFloat16); };
  EXPECT_EQ(fused(c)({half(in[0]), half(in[1]), half(in[2]), half(in[3])}).scalar_type(), at::kBFloat16);
}

}  // namespace group_norm_silu_test
}  // namespace gamut::nn
