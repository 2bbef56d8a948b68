// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/cost.h"

#include "gamut/nn/attention.h"
#include "gamut/nn/autocast.h"
#include "gamut/nn/convolution.h"
#include "gamut/nn/meta.h"
#include "gamut/nn/token_linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::nn {
namespace cost_test {

// Both ways that a network's operations can go: gamut's CPU kernels and LibTorch's operations.
template <class Run>
void on_each_device(const Run& run) {
  for (const at::DeviceType device : {at::kCPU, at::kCUDA}) {
    const MetaStandsFor stand{at::Device(device)};
    SCOPED_TRACE(c10::DeviceTypeName(device));
    run();
  }
}

Tensor meta(at::IntArrayRef sizes) { return at::empty(sizes, at::TensorOptions(at::kMeta)); }
Tensor trained(at::IntArrayRef sizes) { return meta(sizes).set_requires_grad(true); }

template <class Run>
double flops(const Run& run) {
  const FlopCounter counter;
  run();
  return counter.total();
}

TEST(cost, convolution_by_hand) {
  on_each_device([] {
    const Tensor x = trained({2, 8, 12, 10}).contiguous(at::MemoryFormat::ChannelsLast);
    const Tensor weight = trained({16, 8, 3, 3}), bias = trained({16});
    Tensor y;
    const double forward =
        2.0 * (16 * 8 * 3 * 3) * (2 * 6 * 5);  // per weight and output pixel, 6 x 5 at stride 2
    EXPECT_EQ(flops([&] { y = convolve(x, weight, bias, {2, 1}); }), forward);
    EXPECT_EQ(y.sizes(), (at::IntArrayRef{2, 16, 6, 5}));
    EXPECT_EQ(flops([&] { y.sum().backward(); }), 2 * forward);
  });
}

TEST(cost, linear_by_hand) {
  on_each_device([] {
    const Tensor x = trained({2, 7, 16}), weight = trained({32, 16}), frozen = meta({32, 16}),
                 bias = meta({32});
    const double forward = 2.0 * (2 * 7) * 16 * 32;
    Tensor y;
    EXPECT_EQ(flops([&] { y = project(x, {weight, bias}); }), forward);
    EXPECT_EQ(flops([&] { y.sum().backward(); }), 2 * forward);
    // A frozen layer passes its input's gradient on and has none of its own.
    EXPECT_EQ(flops([&] { project(x, {frozen, bias}).sum().backward(); }), 2 * forward);
  });
}

TEST(cost, attention_by_hand) {
  on_each_device([] {
    const Tensor q = trained({2, 10, 16}), k = trained({2, 6, 16}), v = trained({2, 6, 16});
    const double forward = 2 * (2.0 * 2 * 10 * 6 * 16);  // q k^T and the sum over values
    Tensor y;
    EXPECT_EQ(flops([&] { y = attend(q, k, v, 2); }), forward);
    EXPECT_EQ(y.sizes(), q.sizes());
    // Scores, which are not kept, again, and four products.
    EXPECT_EQ(flops([&] { y.sum().backward(); }), 2.5 * forward);
  });
}

TEST(cost, attention_keeps_no_scores) {
  on_each_device([] {
    const int64_t tokens = 64;
    const Tensor q = trained({1, tokens, 16}), k = trained({1, tokens, 16}), v = trained({1, tokens, 16});
    const int64_t before = MetaMemory::live();
    const Tensor y = attend(q, k, v, 2);
    const int64_t output = tokens * 16 * 4, sums = 2 * tokens * 4;
    EXPECT_EQ(MetaMemory::live() - before, output + sums);
  });
}

TEST(cost, autocast_shortens_products) {
  on_each_device([] {
    const Tensor x = trained({4, 16}), weight = trained({32, 16});
    {
      const Autocast mixed({at::kMeta, at::kBFloat16});
      const Tensor y = project(x, {weight, std::nullopt});
      EXPECT_EQ(y.scalar_type(), at::kBFloat16);
      EXPECT_EQ((y + meta(y.sizes())).scalar_type(), at::kFloat);
      y.sum().backward();
    }
    EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
    EXPECT_EQ(project(x, {weight, std::nullopt}).scalar_type(), at::kFloat);
  });
}

TEST(cost, counts_storages_while_they_live) {
  const int64_t before = MetaMemory::live();
  MetaMemory::reset_peak();
  const at::TensorOptions floats = at::TensorOptions(at::kMeta).dtype(at::kFloat);
  {
    const at::Tensor x = at::empty({1000}, floats), view = x.narrow(0, 10, 20);
    EXPECT_EQ(MetaMemory::live() - before, 4000);
    at::empty({500}, floats.dtype(at::kBFloat16));
  }
  EXPECT_EQ(MetaMemory::live(), before);
  EXPECT_EQ(MetaMemory::peak() - before, 5000);
}

TEST(cost, counts_what_autograd_keeps) {
  const at::Tensor x = at::empty({1000}, at::TensorOptions(at::kMeta)).set_requires_grad(true);
  const int64_t before = MetaMemory::live();
  at::Tensor y = x.exp().exp().sum();  // exp keeps its result
  EXPECT_EQ(MetaMemory::live() - before, 2 * 4000 + 4);
  y.backward();
  EXPECT_EQ(MetaMemory::live() - before, 4000 + 4);  // the gradient
}

TEST(cost, nests_and_leaves_real_tensors_alone) {
  const at::TensorOptions meta(at::kMeta);
  const FlopCounter outer;
  at::mm(at::empty({2, 3}, meta), at::empty({3, 4}, meta));
  {
    const FlopCounter inner;
    at::bmm(at::empty({5, 2, 3}, meta), at::empty({5, 3, 4}, meta));
    EXPECT_EQ(inner.total(), 2.0 * 5 * 2 * 3 * 4);
  }
  at::mm(at::ones({2, 3}), at::ones({3, 4}));
  EXPECT_EQ(outer.total(), 2.0 * 6 * 2 * 3 * 4);
}

}  // namespace cost_test
}  // namespace gamut::nn
