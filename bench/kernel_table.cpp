// SPDX-License-Identifier: Apache-2.0
// Each CPU kernel beside the library call it replaces, on the shapes of the glyph model's batch of 64: time,
// speed, ratio, and the share of the peak that this path's multiply-adds reach on registers alone. One
// thread, its processor time.
//
//   bench/on_paths.sh build/bench_kernels      # every path of this machine, LibTorch held to the same
//   instructions
#include "gamut/core/error.h"
#include "gamut/nn/convolution.h"
#include "gamut/nn/feed_forward.h"
#include "gamut/nn/group_norm_silu.h"
#include "gamut/nn/head_attention.h"
#include "gamut/nn/kernels/cpu_path.h"
#include "gamut/nn/token_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdio>
#include <ctime>
#include <functional>
#include <limits>
#include <vector>

namespace gamut::nn {

namespace kernels {
namespace baseline {
double peak_work(int64_t rounds, float* sink);
}
#if defined(__x86_64__)
namespace avx2 {
double peak_work(int64_t rounds, float* sink);
}
namespace avx512 {
double peak_work(int64_t rounds, float* sink);
}
#endif
}  // namespace kernels

namespace {

using at::Tensor;
using Tensors = std::vector<Tensor>;

constexpr int64_t kBatch = 64;
constexpr auto kLast = at::MemoryFormat::ChannelsLast;

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Seconds of one call, the shortest of several averages.
double seconds_of(const std::function<void()>& work, double round_seconds) {
  double best = std::numeric_limits<double>::infinity();
  work();
  for (int round = 0; round < 7; ++round) {
    const double start = processor_seconds();
    double passed = 0;
    int64_t calls = 0;
    for (; passed < round_seconds; passed = processor_seconds() - start) {
      work();
      ++calls;
    }
    best = std::min(best, passed / double(calls));
  }
  return best;
}

double peak_flops(double round_seconds) {
  auto* work = &kernels::baseline::peak_work;
#if defined(__x86_64__)
  if (cpu_path() == CpuPath::kAvx2) work = &kernels::avx2::peak_work;
  if (cpu_path() == CpuPath::kAvx512) work = &kernels::avx512::peak_work;
#endif
  float sink[16];
  double done = 0;
  const double seconds = seconds_of([&] { done = work(200000, sink); }, round_seconds);
  return done / seconds;
}

// The same computation twice. Inputs require gradients; `flops` of the forward pass, 0 for what is not a
// product.
struct Case {
  std::string name;
  Tensors inputs;
  std::function<Tensor(const Tensors&)> kernel, library;
  double flops = 0, backward_flops = 0;
};

class Table {
 public:
  explicit Table(double round_seconds) : seconds_(round_seconds), peak_(peak_flops(round_seconds)) {
    std::printf("path %s, LibTorch's CPU capability %s; peak %.1f GFLOP/s; one thread\n",
                std::string(cpu_path_name(cpu_path())).c_str(), at::get_cpu_capability().c_str(),
                1e-9 * peak_);
    std::printf("%-46s%11s%11s%8s%11s%11s%9s\n", "", "gamut us", "library us", "ratio", "gamut", "library",
                "of peak");
    std::printf("%-46s%11s%11s%8s%11s%11s\n", "", "", "", "", "GFLOP/s", "GFLOP/s");
  }

  void add(const Case& test) {
    row(
        test.name + ", forward", test.flops,
        [&](const auto& function) {
          return seconds_of(
              [&] {
                const at::NoGradGuard no_grad;
                function(test.inputs);
              },
              seconds_);
        },
        test);
    row(
        test.name + ", backward", test.backward_flops,
        [&](const auto& function) {
          const Tensor out = function(test.inputs);
          const Tensor grad = at::ones_like(out);
          return seconds_of([&] { torch::autograd::grad({out}, test.inputs, {grad}, true); }, seconds_);
        },
        test);
  }

 private:
  template <class Measure>
  void row(const std::string& name, double flops, const Measure& measure, const Case& test) {
    const double ours = measure(test.kernel), theirs = measure(test.library);
    std::printf("%-46s%11.1f%11.1f%8.2f", name.c_str(), 1e6 * ours, 1e6 * theirs, theirs / ours);
    if (flops > 0)
      std::printf("%11.1f%11.1f%8.0f%%", 1e-9 * flops / ours, 1e-9 * flops / theirs,
                  100 * flops / ours / peak_);
    std::printf("\n");
    std::fflush(stdout);
  }
  double seconds_, peak_;
};

Tensor leaf(at::IntArrayRef sizes) { return (at::randn(sizes) * 0.1).requires_grad_(true); }
Tensor picture(int64_t channels, int64_t size) {
  return (at::randn({kBatch, channels, size, size})).contiguous(kLast).requires_grad_(true);
}

Case linear(int64_t tokens, int64_t in, int64_t out) {
  const double flops = 2.0 * double(kBatch * tokens * in * out);
  return {.name = cat("linear ", kBatch * tokens, " x ", in, " x ", out),
          .inputs = {leaf({kBatch, tokens, in}), leaf({out, in}), leaf({out})},
          .kernel =
              [](const Tensors& t) {
                return project(t[0], {t[1], t[2]});
              },
          .library = [](const Tensors& t) { return at::linear(t[0], t[1], t[2]); },
          .flops = flops,
          .backward_flops = 2 * flops};
}

Case transformer_feed_forward(int64_t tokens, int64_t width) {
  const double flops = 24.0 * double(kBatch * tokens * width * width);
  const auto weights = [](const Tensors& t) { return FeedForwardWeights{{t[1], t[2]}, {t[3], t[4]}}; };
  return {.name = cat("feed-forward ", kBatch * tokens, " x ", width),
          .inputs = {leaf({kBatch, tokens, width}), leaf({8 * width, width}), leaf({8 * width}),
                     leaf({width, 4 * width}), leaf({width})},
          .kernel = [=](const Tensors& t) { return feed_forward(t[0], weights(t), t[0]); },
          .library = [=](const Tensors& t) { return plain_feed_forward(t[0], weights(t), t[0]); },
          .flops = flops,
          .backward_flops = 2 * flops};
}

Case convolution(int64_t in, int64_t out, int64_t size) {
  const double flops = 18.0 * double(kBatch * size * size * in * out);
  return {.name = cat("convolution 3x3 ", in, " to ", out, " at ", size, "x", size),
          .inputs = {picture(in, size),
                     (at::randn({out, in, 3, 3}) * 0.1).contiguous(kLast).requires_grad_(true), leaf({out})},
          .kernel =
              [](const Tensors& t) {
                return convolve(t[0], t[1], t[2], {1, 1});
              },
          .library = [](const Tensors& t) { return at::conv2d(t[0], t[1], t[2], 1, 1); },
          .flops = flops,
          .backward_flops = 2 * flops};
}

Case attention(int64_t queries, int64_t keys, int64_t heads, int64_t width) {
  const double flops = 4.0 * double(kBatch * queries * keys * heads * width);
  const auto split = [=](const Tensor& t) {
    return t.view({t.size(0), t.size(1), heads, width}).transpose(1, 2);
  };
  return {.name = cat("attention ", queries, " x ", keys, ", ", heads, " heads of ", width),
          .inputs = {leaf({kBatch, queries, heads * width}), leaf({kBatch, keys, heads * width}),
                     leaf({kBatch, keys, heads * width})},
          .kernel = [=](const Tensors& t) { return head_attention(t[0], t[1], t[2], heads); },
          .library =
              [=](const Tensors& t) {
                return at::scaled_dot_product_attention(split(t[0]), split(t[1]), split(t[2]))
                    .transpose(1, 2)
                    .flatten(2);
              },
          .flops = flops,
          .backward_flops = 2.5 * flops};
}

Case group_norm(int64_t channels, int64_t size) {
  const auto arguments = [](const Tensors& t) {
    return GroupNormArguments{t[3], t[1], t[2], 8, 1e-5, NormActivation::kSilu};
  };
  return {.name = cat("shift, group norm, SiLU ", channels, " at ", size, "x", size),
          .inputs = {picture(channels, size), leaf({channels}), leaf({channels}), leaf({kBatch, channels})},
          .kernel = [=](const Tensors& t) { return fused_group_norm(t[0], arguments(t)); },
          .library = [=](const Tensors& t) { return plain_group_norm(t[0], arguments(t)); }};
}

void print_table(double round_seconds) {
  at::set_num_threads(1);
  Table table(round_seconds);
  for (const auto& [in, out] : {std::pair{64, 64}, {64, 512}, {256, 64}, {128, 128}})
    table.add(linear(64, in, out));
  table.add(transformer_feed_forward(64, 64));
  for (const auto& [in, out, size] : {std::array{32, 32, 16}, {96, 32, 16}, {64, 64, 8}, {128, 64, 8}})
    table.add(convolution(in, out, size));
  table.add(attention(64, 64, 8, 8));
  table.add(attention(64, 16, 8, 8));
  table.add(group_norm(32, 16));
  table.add(group_norm(64, 8));
}

}  // namespace
}  // namespace gamut::nn

// --quick: one short round of each, to see that it runs.
int main(int argc, char** argv) {
  gamut::nn::print_table(argc > 1 && std::string(argv[1]) == "--quick" ? 1e-4 : 0.05);
}
