// SPDX-License-Identifier: Apache-2.0
// Every kernel on every path against plain loops in fp64, and the paths against one another. Free of
// LibTorch, so that it also runs alone, in an emulator, for a path that the machine lacks (docs/testing.md).
#include "gamut/core/error.h"
#include "gamut/nn/kernels/attention.h"
#include "gamut/nn/kernels/geglu.h"
#include "gamut/nn/kernels/group_norm.h"
#include "gamut/nn/kernels/matrix.h"
#include "gamut/nn/kernels/weight_gradient.h"
#include "support/kernel_checks.h"

#include <cstdlib>

namespace gamut::nn {
namespace kernel_paths_test {

using testing::Doubles;
using testing::expect_on_every_path;
using testing::Floats;
using testing::wave;

double normal_below(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::acos(-1.0)); }

TEST(kernel_paths, the_baseline_always_runs_and_names_are_told) {
  EXPECT_EQ(runnable_cpu_paths().front(), CpuPath::kBaseline);
  EXPECT_EQ(cpu_path_name(CpuPath::kBaseline), "baseline");
  EXPECT_EQ(cpu_path_name(CpuPath::kAvx2), "avx2");
  EXPECT_EQ(cpu_path_name(CpuPath::kAvx512), "avx512");
  const testing::OnCpuPath scope(CpuPath::kBaseline);
  EXPECT_EQ(cpu_path(), CpuPath::kBaseline);
  EXPECT_EQ(describe_cpu_path().find("baseline ("), 0U);
}

// Rows with every remainder of a tile, columns with and without a narrow last panel.
TEST(kernel_paths, multiply) {
  for (const int64_t rows : {1, 2, 3, 5, 7, 8, 13, 64}) {
    for (const auto& [inner, columns] : {std::pair<int64_t, int64_t>{16, 16}, {48, 80}, {64, 512}}) {
      const Floats a = wave(rows * inner, 0.7), b = wave(inner * columns, 1.3), bias = wave(columns, 0.2),
                   residual = wave(rows * columns, 0.9);
      Doubles exact;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          double sum = double(bias[size_t(c)]) + residual[size_t(r * columns + c)];
          for (int64_t i = 0; i < inner; ++i)
            sum += double(a[size_t(r * inner + i)]) * b[size_t(i * columns + c)];
          exact.push_back(sum);
        }
      }
      SCOPED_TRACE(::testing::Message() << rows << " x " << inner << " x " << columns);
      const auto compute = [&, inner = inner, columns = columns] {
        Floats packed(b.size()), c(size_t(rows * columns));
        kernels::pack({inner, columns, b.data(), columns, 1}, packed.data());
        kernels::multiply({rows, inner, columns, a.data(), packed.data(), bias.data(), residual.data()},
                          c.data());
        return c;
      };
      expect_on_every_path(compute, exact, 1e-5, "product");
    }
  }
}

TEST(kernel_paths, packing_reads_any_strides) {
  const Floats b = wave(16 * 48, 1.3);
  for (const CpuPath path : runnable_cpu_paths()) {
    const testing::OnCpuPath scope(path);
    Floats plain(b.size()), turned(b.size());
    kernels::pack({16, 48, b.data(), 48, 1}, plain.data());
    Floats transposed(b.size());
    for (size_t i = 0; i < 16; ++i) {
      for (size_t c = 0; c < 48; ++c) transposed[c * 16 + i] = b[i * 48 + c];
    }
    kernels::pack({16, 48, transposed.data(), 1, 16}, turned.data());
    EXPECT_EQ(plain, turned) << cpu_path_name(path);
  }
}

// Output channels with every remainder of a tile; strides, paddings and images beyond one sum of pixels.
TEST(kernel_paths, weight_gradient) {
  const kernels::ConvShape shapes[] = {{2, 5, 4, 16, 5, 4, 4, 3, 1, 1},   {1, 8, 8, 48, 4, 4, 8, 3, 2, 1},
                                       {2, 6, 5, 32, 2, 2, 20, 3, 2, 0},  {3, 3, 3, 16, 3, 3, 28, 1, 1, 0},
                                       {70, 2, 2, 16, 2, 2, 12, 3, 1, 1}, {1, 1, 61, 80, 1, 61, 16, 1, 1, 0}};
  for (const kernels::ConvShape& s : shapes) {
    const Floats x = wave(s.batch * s.height * s.width * s.in_channels, 0.7),
                 grad = wave(s.batch * s.out_height * s.out_width * s.out_channels, 1.1);
    Doubles exact(size_t(s.out_channels * s.kernel * s.kernel * s.in_channels));
    for (int64_t n = 0; n < s.batch; ++n)
      for (int64_t oy = 0; oy < s.out_height; ++oy)
        for (int64_t ox = 0; ox < s.out_width; ++ox)
          for (int64_t ky = 0; ky < s.kernel; ++ky)
            for (int64_t kx = 0; kx < s.kernel; ++kx) {
              const int64_t y = oy * s.stride + ky - s.padding, column = ox * s.stride + kx - s.padding;
              if (y < 0 || y >= s.height || column < 0 || column >= s.width) continue;
              for (int64_t o = 0; o < s.out_channels; ++o)
                for (int64_t i = 0; i < s.in_channels; ++i)
                  exact[size_t(((o * s.kernel + ky) * s.kernel + kx) * s.in_channels + i)] +=
                      double(x[size_t(((n * s.height + y) * s.width + column) * s.in_channels + i)]) *
                      grad[size_t(((n * s.out_height + oy) * s.out_width + ox) * s.out_channels + o)];
            }
    SCOPED_TRACE(::testing::Message()
                 << s.in_channels << " to " << s.out_channels << ", kernel " << s.kernel);
    const auto compute = [&] {
      Floats weight(exact.size());
      kernels::add_weight_gradient(s, x.data(), grad.data(), 0, kernels::weight_gradient_tiles(s),
                                   weight.data());
      return weight;
    };
    expect_on_every_path(compute, exact, 1e-5, "weights");
  }
}

TEST(kernel_paths, column_sums) {
  const int64_t rows = 300, channels = 36;
  const Floats values = wave(rows * channels, 0.37);
  Doubles exact(size_t(channels), 1.0);
  for (int64_t i = 0; i < rows * channels; ++i) exact[size_t(i % channels)] += values[size_t(i)];
  const auto compute = [&] {
    Floats sums(size_t(channels), 1.0F);
    kernels::add_column_sums(rows, channels, values.data(), sums.data());
    return sums;
  };
  expect_on_every_path(compute, exact, 1e-5, "sums");
}

TEST(kernel_paths, geglu) {
  const int64_t rows = 5, width = 48;
  Floats in = wave(rows * 2 * width, 0.61);
  for (size_t i = 0; i < in.size(); ++i) in[i] *= 1 + 6 * float(i % 7 == 0);  // into both tails
  const Floats grad = wave(rows * width, 1.7);
  Doubles out, grad_in(in.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) {
      const size_t a_at = size_t(r * 2 * width + i), b_at = a_at + size_t(width);
      const double a = in[a_at], b = in[b_at], g = grad[size_t(r * width + i)];
      out.push_back(a * b * normal_below(b));
      grad_in[a_at] = g * b * normal_below(b);
      grad_in[b_at] = g * a * (normal_below(b) + b * normal_density(b));
    }
  }
  const auto forward = [&] {
    Floats to(size_t(rows * width));
    kernels::geglu_forward(rows, width, in.data(), to.data());
    return to;
  };
  const auto backward = [&] {
    Floats to(in.size());
    kernels::geglu_backward(rows, width, in.data(), grad.data(), to.data());
    return to;
  };
  expect_on_every_path(forward, out, 1e-6, "output");
  expect_on_every_path(backward, grad_in, 1e-6, "gradient");
}

// Central differences in fp64 of sum(probe * function(x)).
Doubles differentiate(const std::function<Doubles(const Doubles&)>& function, const Floats& x,
                      const Floats& probe) {
  const auto total = [&](const Doubles& at) {
    const Doubles y = function(at);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * probe[i];
    return sum;
  };
  Doubles gradient, moved(x.begin(), x.end());
  const double step = 1e-5;
  for (size_t i = 0; i < x.size(); ++i) {
    moved[i] = x[i] + step;
    const double above = total(moved);
    moved[i] = x[i] - step;
    gradient.push_back((above - total(moved)) / (2 * step));
    moved[i] = x[i];
  }
  return gradient;
}

TEST(kernel_paths, group_norm) {
  const kernels::GroupNormShape shape{7, 48, 3, 1e-5F, true};
  const int64_t size = shape.pixels * shape.channels, width = shape.channels / shape.groups;
  const Floats x = wave(size, 0.83), shift = wave(shape.channels, 0.4), weight = wave(shape.channels, 1.9),
               bias = wave(shape.channels, 0.5), probe = wave(size, 2.3);
  const auto definition = [&](const Doubles& at) {
    Doubles y(at.size());
    for (int64_t g = 0; g < shape.groups; ++g) {
      double mean = 0, square = 0;
      for (int64_t i = 0; i < size; ++i) {
        if (i % shape.channels / width != g) continue;
        const double value = at[size_t(i)] + shift[size_t(i % shape.channels)];
        mean += value;
        square += value * value;
      }
      mean /= double(shape.pixels * width);
      const double rstd = 1 / std::sqrt(square / double(shape.pixels * width) - mean * mean + shape.eps);
      for (int64_t i = 0; i < size; ++i) {
        const size_t c = size_t(i % shape.channels);
        if (int64_t(c) / width != g) continue;
        const double value = (at[size_t(i)] + shift[c] - mean) * rstd * weight[c] + bias[c];
        y[size_t(i)] = value / (1 + std::exp(-value));
      }
    }
    return y;
  };
  const kernels::GroupNormInput in{x.data(), shift.data(), weight.data(), bias.data()};
  const auto forward = [&] {
    Floats y(x.size()), mean(3), rstd(3), scratch(size_t(kernels::group_norm_scratch(shape.channels)));
    kernels::group_norm_forward(shape, in, {mean.data(), rstd.data()}, y.data(), scratch.data());
    return y;
  };
  const auto backward = [&] {
    Floats y(x.size()), mean(3), rstd(3), scratch(size_t(kernels::group_norm_scratch(shape.channels))),
        grad_x(x.size()), grad_shift(shift.size()), grad_weight(shift.size()), grad_bias(shift.size());
    kernels::group_norm_forward(shape, in, {mean.data(), rstd.data()}, y.data(), scratch.data());
    kernels::group_norm_backward(shape, in, {mean.data(), rstd.data()}, probe.data(),
                                 {grad_x.data(), grad_shift.data(), grad_weight.data(), grad_bias.data()},
                                 scratch.data());
    return grad_x;
  };
  expect_on_every_path(forward, definition(Doubles(x.begin(), x.end())), 1e-5, "output");
  expect_on_every_path(backward, differentiate(definition, x, probe), 1e-5, "gradient");
}

// Numbers of tokens around the lanes of each path.
TEST(kernel_paths, attention) {
  for (const auto& [queries, keys, width] : {std::array<int64_t, 3>{17, 5, 8}, {8, 19, 16}, {3, 4, 24}}) {
    const kernels::HeadShape shape{queries, keys, width, float(1 / std::sqrt(double(width)))};
    Floats joined = wave((queries + 2 * keys) * width, 0.77);
    const Floats probe = wave(queries * width, 1.9);
    const auto definition = [&, queries = queries, keys = keys, width = width](const Doubles& all) {
      const double *q = all.data(), *k = q + queries * width, *v = k + keys * width;
      Doubles out(size_t(queries * width));
      for (int64_t i = 0; i < queries; ++i) {
        Doubles weights;
        double sum = 0;
        for (int64_t j = 0; j < keys; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < width; ++d) dot += q[i * width + d] * k[j * width + d];
          weights.push_back(std::exp(dot * shape.scale));
          sum += weights.back();
        }
        for (int64_t j = 0; j < keys; ++j)
          for (int64_t d = 0; d < width; ++d)
            out[size_t(i * width + d)] += weights[size_t(j)] / sum * v[j * width + d];
      }
      return out;
    };
    const float *q = joined.data(), *k = q + queries * width, *v = k + keys * width;
    const kernels::HeadInput in{{q, width}, {k, width}, {v, width}};
    Floats logs(static_cast<size_t>(queries)), scratch(size_t(kernels::attention_scratch(shape)));
    const auto forward = [&, queries = queries, width = width] {
      Floats out(size_t(queries * width));
      kernels::attention_forward(shape, in, {out.data(), width}, logs.data(), scratch.data());
      return out;
    };
    const auto backward = [&, queries = queries, keys = keys, width = width] {
      const Floats out = forward();
      Floats grads(joined.size()), delta(static_cast<size_t>(queries));
      float *grad_q = grads.data(), *grad_k = grad_q + queries * width, *grad_v = grad_k + keys * width;
      kernels::attention_backward(shape, in, {{out.data(), width}, {probe.data(), width}, logs.data()},
                                  {{grad_q, width}, {grad_k, width}, {grad_v, width}}, delta.data(),
                                  scratch.data());
      return grads;
    };
    SCOPED_TRACE(::testing::Message() << queries << " queries, " << keys << " keys, width " << width);
    expect_on_every_path(forward, definition(Doubles(joined.begin(), joined.end())), 1e-5, "output");
    expect_on_every_path(backward, differentiate(definition, joined, probe), 1e-5, "gradients");
  }
}

TEST(kernel_paths, not_a_number_is_not_hidden) {
  Floats in = wave(64, 0.61);
  in[32 + 3] = std::nanf("");
  for (const CpuPath path : runnable_cpu_paths()) {
    const testing::OnCpuPath scope(path);
    Floats out(32);
    kernels::geglu_forward(1, 32, in.data(), out.data());
    EXPECT_TRUE(std::isnan(out[3])) << cpu_path_name(path);
    EXPECT_FALSE(std::isnan(out[4])) << cpu_path_name(path);
  }
}

}  // namespace kernel_paths_test
}  // namespace gamut::nn
