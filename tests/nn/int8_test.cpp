// SPDX-License-Identifier: Apache-2.0
// Layers in int8 against layers that hold the same numbers in floating point.
#include "gamut/nn/int8.h"

#include "gamut/core/error.h"
#include "gamut/nn/autocast.h"
#include "gamut/nn/cost.h"
#include "gamut/nn/feed_forward.h"
#include "gamut/nn/layers.h"
#include "gamut/nn/lora.h"
#include "gamut/nn/meta.h"
#include "nn/against_double.h"
#include "support/cpu_paths.h"
#include "support/message_of.h"

#include <ATen/core/grad_mode.h>

namespace gamut::nn {
namespace int8_test {

TEST(int8, a_number_is_off_by_half_a_step_at_most) {
  const at::Tensor weight = wave({7, 33}, 0.9) * at::logspace(-6, 6, 7).unsqueeze(1);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor given = weight.to(type);
    const Int8Rows rows = quantized(given);
    EXPECT_EQ(rows.values.scalar_type(), at::kChar);
    EXPECT_TRUE(at::equal(rows.values.abs().amax(1).to(at::kLong), at::full({7}, 127, at::kLong)));
    const at::Tensor off = (dequantized(rows, at::kDouble) - given.to(at::kDouble)).abs();
    EXPECT_LE((off / rows.scale.to(at::kDouble).unsqueeze(1)).max().item<double>(), 0.5 + 1e-5);
  }
}

TEST(int8, rows_of_nothing_stay_nothing) {
  at::Tensor weight = at::zeros({3, 4});
  weight[1].fill_(1e-44);  // whose scale is next to nothing
  weight[2].fill_(-3);
  const Int8Rows rows = quantized(weight);
  const at::Tensor again = dequantized(rows, at::kFloat);
  EXPECT_TRUE(again.isfinite().all().item<bool>());
  EXPECT_TRUE(at::equal(again[0], weight[0]));
  EXPECT_LE(again[1].abs().max().item<float>(), 1e-43F);
  EXPECT_TRUE(at::allclose(again[2], weight[2], 1e-6, 0));
}

struct Layer {
  Int8Rows rows;
  at::Tensor plain, bias;
  Layer(int64_t in, int64_t out, at::ScalarType type = at::kFloat)
      : rows(quantized(wave({out, in}, 0.7))),
        plain(dequantized(rows, type)),
        bias(wave({out}, 0.3).to(type)) {}
  LinearWeights int8() const { return {rows.values, bias, rows.scale}; }
  LinearWeights floating() const { return {plain, bias}; }
};

// The kernels of 16 columns, and widths that take at::linear.
TEST_ON_CPU_PATHS(int8, equals_a_layer_with_the_dequantized_weights_bit_for_bit) {
  for (const auto& [in, out] : {std::pair{48, 32}, std::pair{10, 7}}) {
    const Layer layer(in, out);
    const at::Tensor x = wave({3, 21, in}, 1.1), residual = wave({3, 21, out}, 2.3);
    const auto run = [&](const LinearWeights& weights) {
      return differentiate([&](const Tensors& t) { return project(t[0], weights, t[1]); }, {x, residual},
                           at::kFloat);
    };
    const Computed got = run(layer.int8()), expected = run(layer.floating());
    EXPECT_TRUE(at::equal(got.out, expected.out)) << in;
    EXPECT_TRUE(at::equal(got.grads[1], expected.grads[1])) << in;
    if (in == 48)
      EXPECT_TRUE(at::equal(got.grads[0], expected.grads[0]));
    else
      expect_close(got.grads[0], expected.grads[0], 1e-6, "gradient");
  }
}

// More numbers than a block has, in rows and in columns.
TEST(int8, large_layers_go_block_by_block) {
  const Layer layer(1100, 1900);
  const Int8Rows last = quantized(wave({1900, 1100}, 0.7).narrow(0, 1800, 100));
  EXPECT_TRUE(at::equal(layer.rows.values.narrow(0, 1800, 100), last.values));
  EXPECT_TRUE(at::equal(layer.rows.scale.narrow(0, 1800, 100), last.scale));
  const at::Tensor x = wave({2, 3, 1100}, 1.1), residual = wave({2, 3, 1900}, 2.3);
  const auto run = [&](const LinearWeights& weights) {
    return differentiate([&](const Tensors& t) { return project(t[0], weights, t[1]); }, {x, residual},
                         at::kFloat);
  };
  const Computed got = run(layer.int8()), expected = run(layer.floating());
  expect_close(got.out, expected.out, 1e-5, "output");
  expect_close(got.grads[0], expected.grads[0], 1e-5, "gradient");
  EXPECT_TRUE(at::equal(got.grads[1], expected.grads[1]));
}

TEST(int8, autocast_decides_as_for_other_layers) {
  const Layer layer(24, 40);
  const at::Tensor x = wave({2, 5, 24}, 1.1);
  const Autocast scope({at::kCPU, at::kBFloat16});
  const at::Tensor got = project(x, layer.int8()), expected = project(x, layer.floating());
  EXPECT_EQ(expected.scalar_type(), at::kBFloat16);
  EXPECT_EQ(got.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(got, expected));
}

TEST(int8, computes_in_the_type_of_what_comes_in) {
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf, at::kDouble}) {
    const Layer layer(24, 40, type);
    const at::Tensor x = wave({2, 5, 24}, 1.1).to(type);
    const auto run = [&](const LinearWeights& weights) {
      return differentiate([&](const Tensors& t) { return project(t[0], weights); }, {x}, type);
    };
    const Computed got = run(layer.int8()), expected = run(layer.floating());
    EXPECT_EQ(got.out.scalar_type(), type);
    EXPECT_EQ(got.grads[0].scalar_type(), type);
    EXPECT_TRUE(at::equal(got.out, expected.out)) << type;
    EXPECT_TRUE(at::allclose(got.grads[0].to(at::kDouble), expected.grads[0].to(at::kDouble), 1e-2, 1e-2))
        << type;
  }
}

TEST(int8, gradients_are_finite_differences) {
  const Layer layer(6, 5, at::kDouble);
  const at::Tensor x = wave({2, 6}, 1.3).to(at::kDouble);
  const auto loss = [&](const at::Tensor& at_x) { return project(at_x, layer.int8()).sin().sum(); };
  const at::Tensor leaf = x.clone().set_requires_grad(true);
  loss(leaf).backward();
  constexpr double kStep = 1e-5;
  for (int64_t i = 0; i < x.numel(); ++i) {
    at::Tensor up = x.clone(), down = x.clone();
    up.view(-1)[i] += kStep;
    down.view(-1)[i] -= kStep;
    const double slope = (loss(up) - loss(down)).item<double>() / (2 * kStep);
    EXPECT_NEAR(leaf.grad().view(-1)[i].item<double>(), slope, 1e-8);
  }
}

// What rollout and update need of each other.
TEST_ON_CPU_PATHS(int8, bits_do_not_depend_on_mode_threads_or_batch) {
  const Layer layer(48, 32);
  const Function run = [&](const Tensors& t) { return project(t[0], layer.int8()); };
  const Tensors in{wave({5, 61, 48}, 1.1)};
  expect_independent_of_threads(run, in);
  expect_independent_of_batch(run, in);
  EXPECT_TRUE(at::equal(differentiate(run, in, at::kFloat).out, run(in)));
}

TEST_ON_CPU_PATHS(int8, feed_forward_equals_its_steps) {
  const Layer proj(16, 128), out(64, 16);
  const at::Tensor x = wave({2, 9, 16}, 1.1), residual = wave({2, 9, 16}, 2.9);
  const auto run = [&](const FeedForwardWeights& weights) {
    return differentiate([&](const Tensors& t) { return feed_forward(t[0], weights, t[1]); }, {x, residual},
                         at::kFloat);
  };
  const Computed got = run({proj.int8(), out.int8()}), expected = run({proj.floating(), out.floating()});
  expect_close(got.out, expected.out, 1e-6, "output");
  for (size_t i = 0; i < 2; ++i) expect_close(got.grads[i], expected.grads[i], 1e-5, "gradient");
}

TEST(int8, the_graph_keeps_no_dequantized_weight) {
  const MetaStandsFor device(at::kCUDA);
  const at::TensorOptions meta(at::kMeta);
  const Int8Rows rows = quantized(at::empty({512, 256}, meta.dtype(at::kBFloat16)));
  const at::Tensor x = at::empty({4, 256}, meta.dtype(at::kBFloat16)).set_requires_grad(true);
  const int64_t before = MetaMemory::live();
  MetaMemory::reset_peak();
  const at::Tensor y = project(x, {rows.values, std::nullopt, rows.scale});
  EXPECT_EQ(MetaMemory::live() - before, int64_t(y.nbytes()));
  EXPECT_GE(MetaMemory::peak() - before, 512 * 256 * 2);  // while it was computed
}

ParamStore store_of(bool int8, std::optional<Linear>& linear, std::optional<Conv2d>& conv) {
  ParamStore store = ParamStore::from_seed(3, {.int8 = int8});
  linear.emplace(Scope(store)["a"], 24, 16);
  conv.emplace(Scope(store)["b"], 4, 8);
  return store;
}

TEST(int8, a_store_holds_matrices_so_and_nothing_else) {
  std::optional<Linear> linear, plain;
  std::optional<Conv2d> conv, plain_conv;
  ParamStore store = store_of(true, linear, conv), other = store_of(false, plain, plain_conv);
  const Int8Rows rows = quantized(plain->weight);
  EXPECT_TRUE(at::equal(linear->weight, rows.values));
  EXPECT_TRUE(at::equal(linear->scale, rows.scale));
  EXPECT_TRUE(at::equal(*linear->bias, *plain->bias));
  EXPECT_TRUE(at::equal(conv->weight, plain_conv->weight));
  ASSERT_EQ(store.params().size(), other.params().size());
  for (size_t i = 0; i < store.params().size(); ++i)
    EXPECT_EQ(store.params()[i].name, other.params()[i].name);
  EXPECT_EQ(store.num_elements(), other.num_elements());
  EXPECT_EQ(store.int8_elements(), 24 * 16);
  EXPECT_EQ(other.int8_elements(), 0);
  EXPECT_EQ(other.num_bytes() - store.num_bytes(), 24 * 16 * 3 - 16 * 4);
  EXPECT_NO_THROW(store.require_grad(false));
  EXPECT_NE(testing::message_of<ConfigError>([&] { store.require_grad(true); }).find("int8"),
            std::string::npos);
}

TEST(int8, adapters_add_to_it_and_are_not_merged_into_it) {
  std::optional<Linear> linear;
  std::optional<Conv2d> conv;
  ParamStore store = store_of(true, linear, conv);
  ParamStore adapter = attach_lora(store, {.rank = 2, .targets = {"all-linear"}}, 1);
  EXPECT_EQ(adapter.params().size(), 2U);
  const at::NoGradGuard no_grad;
  const at::Tensor x = wave({3, 24}, 0.8), base = (*linear)(x);
  adapter.params()[1].tensor.fill_(0.1);
  EXPECT_FALSE(at::equal((*linear)(x), base));
  const AdaptersOff off(store);
  EXPECT_TRUE(at::equal((*linear)(x), base));
  EXPECT_NE(testing::message_of<ConfigError>([&] { merge_adapters(store); }).find("held in int8"),
            std::string::npos);
}

}  // namespace int8_test
}  // namespace gamut::nn
