// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/rms_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::nn {
namespace rms_norm_test {

RmsNorm made(const Tensor& weight, at::ScalarType type, double eps = 1e-6) {
  ParamStore store = ParamStore::from_tensors({{"weight", weight}}, "norm", {at::kCPU, type});
  return RmsNorm(Scope(store), weight.size(0), eps);
}

TEST(rms_norm, equals_its_definition) {
  const Tensor x = at::randn({3, 5, 12}, at::kDouble), weight = at::rand({12}, at::kDouble);
  const Tensor expected = x / (x.square().mean(-1, true) + 0.5).sqrt() * weight;
  EXPECT_TRUE(at::allclose(made(weight, at::kDouble, 0.5)(x), expected, 1e-12, 1e-12));
  EXPECT_TRUE(
      at::allclose(made(weight, at::kFloat, 0.5)(x.to(at::kFloat)).to(at::kDouble), expected, 1e-5, 1e-6));
}

// Squares of bf16 would lose a digit in three; the sum is of fp32.
TEST(rms_norm, short_types_are_rounded_once_or_twice) {
  const Tensor x = at::randn({64, 128}), weight = at::rand({128}) + 0.5;
  const Tensor short_x = x.to(at::kBFloat16), exact = short_x.to(at::kFloat);
  const Tensor expected =
      exact / (exact.square().mean(-1, true) + 1e-6).sqrt() * weight.to(at::kBFloat16).to(at::kFloat);
  for (const Tensor& from : {short_x, exact}) {
    const Tensor y = made(weight, at::kBFloat16)(from);
    EXPECT_EQ(y.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(at::allclose(y.to(at::kFloat), expected, 0.012, 1e-6));
  }
}

}  // namespace rms_norm_test
}  // namespace gamut::nn
