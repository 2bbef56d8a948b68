// SPDX-License-Identifier: Apache-2.0
// Frozen layers in bf16 whose products are made in fp32, against the same numbers in fp32.
#include "gamut/nn/frozen_linear.h"

#include "gamut/nn/cost.h"
#include "gamut/nn/kernels/cpu_path.h"
#include "gamut/nn/meta.h"
#include "nn/against_double.h"

namespace gamut::nn {
namespace frozen_linear_test {

struct Layer {
  LinearWeights narrow, wide;
  Layer(int64_t in, int64_t out) {
    const at::Tensor weight = wave({out, in}, 0.7).to(at::kBFloat16),
                     bias = wave({out}, 0.3).to(at::kBFloat16);
    narrow = {weight, bias};
    wide = {weight.to(at::kFloat), bias.to(at::kFloat)};
  }
};

// Rounded once, after the bias; a sum with the residual is rounded again, as LibTorch's is. The last layer
// has more numbers than a block, in rows and in columns.
TEST(frozen_linear, bf16_is_fp32_rounded_once) {
  for (const auto& [in, out] : {std::pair{48, 32}, std::pair{10, 7}, std::pair{1100, 1900}}) {
    const Layer layer(in, out);
    const at::Tensor x = wave({2, 3, in}, 1.1).to(at::kBFloat16).set_requires_grad(true),
                     residual = wave({2, 3, out}, 2.3).to(at::kBFloat16).set_requires_grad(true),
                     grad = wave({2, 3, out}, 0.9).to(at::kBFloat16);
    const at::Tensor y = project_frozen(x, layer.narrow, residual, at::kFloat);
    y.backward(grad);
    const at::Tensor exact = at::linear(x.detach().to(at::kFloat), layer.wide.weight, layer.wide.bias);
    expect_close(y.detach(), residual.detach() + exact.to(at::kBFloat16), 1.0 / 256, "output");
    EXPECT_EQ(x.grad().scalar_type(), at::kBFloat16);
    expect_close(x.grad(), at::matmul(grad.to(at::kFloat), layer.wide.weight), 1.0 / 256, "gradient");
    EXPECT_TRUE(at::equal(residual.grad(), grad));
  }
}

TEST(frozen_linear, is_for_bf16_that_the_processor_lacks_and_nobody_trains) {
  const Layer layer(24, 16);
  const at::Tensor x = wave({5, 24}, 1.1).to(at::kBFloat16);
  EXPECT_EQ(fits_frozen_linear(x, layer.narrow), !cpu_multiplies_bf16());
  EXPECT_EQ(frozen_product_type(x), cpu_multiplies_bf16() ? at::kBFloat16 : at::kFloat);
  EXPECT_EQ(frozen_product_type(x.to(at::kHalf)), at::kHalf);
  EXPECT_FALSE(fits_frozen_linear(x.to(at::kFloat), layer.wide));
  LinearWeights trained = layer.narrow;
  trained.weight = trained.weight.detach().clone().set_requires_grad(true);
  EXPECT_FALSE(fits_frozen_linear(x, trained));
  EXPECT_EQ(project(x, trained).scalar_type(), at::kBFloat16);
}

TEST(frozen_linear, the_graph_keeps_no_widened_weight) {
  const at::TensorOptions meta = at::TensorOptions(at::kMeta).dtype(at::kBFloat16);
  const at::Tensor weight = at::empty({512, 256}, meta),
                   x = at::empty({4, 256}, meta).set_requires_grad(true);
  const int64_t before = MetaMemory::live();
  MetaMemory::reset_peak();
  const at::Tensor y = project_frozen(x, {weight, std::nullopt}, std::nullopt, at::kFloat);
  EXPECT_EQ(MetaMemory::live() - before, int64_t(y.nbytes()));
  EXPECT_GE(MetaMemory::peak() - before, 512 * 256 * 4);  // while it was computed
}

}  // namespace frozen_linear_test
}  // namespace gamut::nn
