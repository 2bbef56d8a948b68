// SPDX-License-Identifier: Apache-2.0
// Invariants of the Vendi score. Tolerance 1e-9: eigenvalues in double carry about 1e-15, and a zero
// eigenvalue that is left out (below 1e-12) changes a score of order 0.5 by at most n · 1e-6 where it is not
// exact.
#include "gamut/diversity/vendi.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <limits>

namespace gamut::diversity {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kOrders[] = {0.5, 1.0, 2.0, 4.0, kInfinity};

at::Tensor random_features(int64_t n, int64_t d, uint64_t seed) {
  std::vector<float> values(size_t(n * d));
  Stream(seed, "test.features").fill_normal(values);
  return at::tensor(values).view({n, d});
}

TEST(vendi, is_one_for_identical_members) {
  const at::Tensor features = random_features(1, 8, 1).repeat({6, 1});
  for (const double q : kOrders) EXPECT_NEAR(vendi_from_features(features, q), 1.0, 1e-9) << q;
}

TEST(vendi, is_n_for_orthogonal_members) {
  const at::Tensor features = at::eye(7) * at::arange(1, 8).view({7, 1});
  for (const double q : kOrders) EXPECT_NEAR(vendi_from_features(features, q), 7.0, 1e-9) << q;
}

TEST(vendi, follows_the_eigenvalues_of_two_members) {
  // K = [[1, c], [c, 1]]: eigenvalues of K / 2 are (1 ± c) / 2.
  const double c = 0.6, a = 0.8, b = 0.2;
  const at::Tensor kernel = at::tensor({1.0, c, c, 1.0}, at::kDouble).view({2, 2});
  EXPECT_NEAR(vendi_from_kernel(kernel, 1), std::exp(-a * std::log(a) - b * std::log(b)), 1e-12);
  EXPECT_NEAR(vendi_from_kernel(kernel, 2), 1 / (a * a + b * b), 1e-12);
  EXPECT_NEAR(vendi_from_kernel(kernel, 0.5), std::pow(std::sqrt(a) + std::sqrt(b), 2), 1e-12);
  EXPECT_NEAR(vendi_from_kernel(kernel, kInfinity), 1 / a, 1e-12);
  EXPECT_NEAR(vendi_from_kernel(kernel, 0), 2.0, 1e-12);
}

TEST(vendi, does_not_depend_on_order_scale_or_duplication) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const at::Tensor features = random_features(9, 5, seed);
    const at::Tensor shuffled =
        features.index_select(0, at::tensor(Stream(seed, "test.order").permutation(9)));
    const at::Tensor scales = at::arange(1, 10).view({9, 1});
    for (const double q : kOrders) {
      const double score = vendi_from_features(features, q);
      EXPECT_NEAR(vendi_from_features(shuffled, q), score, 1e-9);
      EXPECT_NEAR(vendi_from_features(features * scales, q), score, 1e-5) << "scaled in float";
      // Duplication adds zero eigenvalues.
      EXPECT_NEAR(vendi_from_features(features.repeat({2, 1}), q), score, 1e-9);
    }
  }
}

TEST(vendi, does_not_rise_with_the_order_and_stays_in_range) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const at::Tensor features = random_features(2 + int64_t(seed), 4, seed);
    double last = double(features.size(0));
    for (const double q : kOrders) {
      const double score = vendi_from_features(features, q);
      EXPECT_LE(score, last + 1e-9) << q;
      EXPECT_GE(score, 1.0);
      last = score;
    }
  }
}

TEST(vendi, is_the_same_from_the_dual_matrix) {
  // The nonzero eigenvalues of F Fᵀ / n and Fᵀ F / n agree.
  const at::Tensor features = random_features(12, 4, 3).to(at::kDouble);
  const at::Tensor unit = features / features.norm(2, 1, true);
  const at::Tensor values = at::linalg_eigvalsh(unit.t().mm(unit) / 12);
  const double dual = std::exp(-(values * values.log()).sum().item<double>());
  EXPECT_NEAR(vendi_from_features(features), dual, 1e-9);
}

TEST(vendi, takes_order_two_as_the_inverse_sum_of_squares) {
  const at::Tensor kernel = cosine_kernel(random_features(10, 6, 4));
  EXPECT_NEAR(vendi_from_kernel(kernel, 2), 1 / (kernel / 10).square().sum().item<double>(), 1e-9);
}

TEST(vendi, treats_zero_rows_as_unlike_all_others) {
  const at::Tensor features = at::cat({at::zeros({2, 3}), at::ones({1, 3})});
  EXPECT_TRUE(cosine_kernel(features).equal(at::eye(3, at::kDouble)));
  EXPECT_NEAR(vendi_from_features(features), 3.0, 1e-9);
}

TEST(vendi, refuses_what_is_not_finite) {
  const at::Tensor features = at::tensor({1.0, NAN}).view({2, 1});
  EXPECT_EQ(testing::message_of<NumericalError>([&] { vendi_from_features(features); }),
            "[vendi] features must be finite; got a NaN or an infinity");
}

}  // namespace
}  // namespace gamut::diversity
