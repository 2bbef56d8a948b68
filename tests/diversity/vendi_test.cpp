// SPDX-License-Identifier: Apache-2.0
// Invariants of the Vendi score. Tolerance 1e-9: eigenvalues in double carry about 1e-15, and a zero
// eigenvalue that is left out (below 1e-12) changes a score of order 0.5 by at most n · 1e-6 where it is not
// exact.
#include "gamut/diversity/vendi.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gamut::diversity {
namespace vendi_test {

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
  for (const double q : kOrders) {
    const at::Tensor dual = q == 1          ? (-(values * values.log()).sum()).exp()
                            : std::isinf(q) ? 1 / values.max()
                                            : values.pow(q).sum().pow(1 / (1 - q));
    EXPECT_NEAR(vendi_from_features(features, q), dual.item<double>(), 1e-9) << q;
  }
}

TEST(vendi, is_continuous_in_the_order) {
  const at::Tensor kernel = cosine_kernel(random_features(9, 5, 7));
  EXPECT_NEAR(vendi_from_kernel(kernel, 1 + 1e-6), vendi_from_kernel(kernel, 1), 1e-4);
  EXPECT_NEAR(vendi_from_kernel(kernel, 1 - 1e-6), vendi_from_kernel(kernel, 1), 1e-4);
  EXPECT_NEAR(vendi_from_kernel(kernel, 1 + 1e-15), vendi_from_kernel(kernel, 1), 1e-9);
  EXPECT_NEAR(vendi_from_kernel(kernel, 1e5), vendi_from_kernel(kernel, kInfinity), 1e-3);
}

TEST(vendi, knows_what_each_member_adds) {
  // Three copies and one unlike them: 4 eigenvalues 3/4, 1/4, 0, 0. Without the odd one 1; without a copy
  // 2/3, 1/3.
  const at::Tensor features = at::tensor({1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0}).view({4, 2});
  const std::vector<double> lost = vendi_leave_one_out(cosine_kernel(features));
  const double all = std::exp(0.5623351446188083), without_copy = std::exp(0.6365141682948128);
  ASSERT_EQ(lost.size(), 4u);
  EXPECT_NEAR(lost[2], all - 1, 1e-9);
  for (const size_t copy : {0, 1, 3}) EXPECT_NEAR(lost[copy], all - without_copy, 1e-9);
  EXPECT_EQ(vendi_leave_one_out(at::ones({1, 1})), std::vector<double>{1});

  const at::Tensor rows = random_features(6, 3, 8);
  const std::vector<double> by_kernel = vendi_leave_one_out(cosine_kernel(rows));
  for (int64_t j = 0; j < 6; ++j) {
    const at::Tensor others = at::cat({rows.slice(0, 0, j), rows.slice(0, j + 1)});
    EXPECT_NEAR(by_kernel[size_t(j)], vendi_from_features(rows) - vendi_from_features(others), 1e-9);
  }
}

TEST(vendi, takes_order_two_as_the_inverse_sum_of_squares) {
  const at::Tensor kernel = cosine_kernel(random_features(10, 6, 4));
  EXPECT_NEAR(vendi_from_kernel(kernel, 2), 1 / (kernel / 10).square().sum().item<double>(), 1e-9);
}

TEST(vendi, treats_zero_rows_as_alike_and_unlike_others) {
  const at::Tensor features = at::cat({at::zeros({2, 3}), at::ones({1, 3})});
  const at::Tensor expected = at::tensor({1, 1, 0, 1, 1, 0, 0, 0, 1}).view({3, 3}).to(at::kDouble);
  EXPECT_TRUE(cosine_kernel(features).equal(expected));
  EXPECT_NEAR(vendi_from_features(at::zeros({5, 3})), 1.0, 1e-9) << "a group collapsed to gray";
}

TEST(vendi, refuses_what_is_not_finite) {
  const at::Tensor features = at::tensor({1.0, NAN}).view({2, 1});
  EXPECT_EQ(testing::message_of<NumericalError>([&] { vendi_from_features(features); }),
            "[vendi] features must be finite; got a NaN or an infinity");
}

}  // namespace vendi_test
}  // namespace gamut::diversity
