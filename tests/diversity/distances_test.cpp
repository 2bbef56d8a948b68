// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/distances.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::diversity {
namespace distances_test {

at::Tensor random_features(int64_t n, int64_t d, uint64_t seed) {
  std::vector<float> values(size_t(n * d));
  Stream(seed, "test.features").fill_normal(values);
  return at::tensor(values).view({n, d});
}

TEST(distances, follow_their_definition) {
  const at::Tensor features = random_features(7, 5, 1), wide = features.to(at::kDouble);
  const at::Tensor cosine = cosine_distances(features), euclidean = euclidean_distances(features);
  for (int64_t j = 0; j < 7; ++j) {
    for (int64_t k = 0; k < 7; ++k) {
      const double dot = wide[j].dot(wide[k]).item<double>();
      const double norms = wide[j].norm().item<double>() * wide[k].norm().item<double>();
      EXPECT_NEAR(cosine[j][k].item<double>(), 1 - dot / norms, 1e-12);
      EXPECT_NEAR(euclidean[j][k].item<double>(), (wide[j] - wide[k]).norm().item<double>(), 1e-12);
    }
  }
}

TEST(distances, are_exact_at_the_ends) {
  const at::Tensor features = random_features(1, 300, 2);
  const at::Tensor group = at::cat({features, features, -features, at::zeros({2, 300})});
  const at::Tensor d_NN = cosine_distances(group);
  EXPECT_EQ(d_NN[0][1].item<double>(), 0.0);
  EXPECT_NEAR(d_NN[0][2].item<double>(), 2.0, 1e-12);
  EXPECT_LE(d_NN.max().item<double>(), 2.0);
  EXPECT_EQ(d_NN[0][3].item<double>(), 1.0) << "a row of zeros is orthogonal to others";
  EXPECT_EQ(d_NN[3][4].item<double>(), 0.0) << "and equal to another row of zeros";
  EXPECT_TRUE(d_NN.equal(d_NN.t()));
}

TEST(distances, per_member_equal_brute_force) {
  const at::Tensor d_NN = euclidean_distances(random_features(9, 3, 3));
  const std::vector<double> mean = mean_distances(d_NN), nearest = nearest_distances(d_NN);
  for (int64_t j = 0; j < 9; ++j) {
    double sum = 0, least = INFINITY;
    for (int64_t k = 0; k < 9; ++k) {
      if (k == j) continue;
      sum += d_NN[j][k].item<double>();
      least = std::min(least, d_NN[j][k].item<double>());
    }
    EXPECT_NEAR(mean[size_t(j)], sum / 8, 1e-12);
    EXPECT_EQ(nearest[size_t(j)], least);
  }
  EXPECT_EQ(mean_distances(at::zeros({1, 1})), std::vector<double>{0});
  EXPECT_EQ(nearest_distances(at::zeros({1, 1})), std::vector<double>{0});
}

TEST(distances, forgive_the_rounding_of_float) {
  const at::Tensor features = random_features(6, 64, 4).repeat({2, 1});
  const at::Tensor unit = features / features.norm(2, 1, true);
  const at::Tensor rough =
      1 - unit.mm(unit.t());  // float: diagonal and copies off by about 1e-7, of either sign
  const at::Tensor d_NN = checked_distances(rough);
  EXPECT_LT((d_NN - cosine_distances(features)).abs().max().item<double>(), 1e-6);
  EXPECT_GE(d_NN.min().item<double>(), 0.0);
  EXPECT_EQ(d_NN.diagonal().abs().max().item<double>(), 0.0);
}

TEST(distances, refuse_what_is_none) {
  const auto message = [](std::vector<double> values, std::vector<int64_t> shape) {
    return testing::message_of<DataError>(
        [&] { checked_distances(at::tensor(values, at::kDouble).view(shape)); });
  };
  EXPECT_EQ(message({0, 1, 2, 1, 0, 3}, {2, 3}),
            "[diversity] distances must be a square matrix, one row and column per member; got shape [2, 3]");
  EXPECT_EQ(message({0, 1, 1.5, 0}, {2, 2}),
            "[diversity] distances must be symmetric; expected 1.5 as at [1][0]; got 1 at [0][1]");
  EXPECT_EQ(message({0, -1, -1, 0}, {2, 2}), "[diversity] distances must not be negative; got -1 at [0][1]");
  EXPECT_EQ(message({0, 1, 1, 0.1}, {2, 2}),
            "[diversity] distances must be 0 on the diagonal; got 0.1 at [1][1]");
  EXPECT_EQ(message({0, NAN, 1, 0}, {2, 2}), "[diversity] distances must be finite; got nan at [0][1]");
  for (const auto& distances_of : {cosine_distances, euclidean_distances}) {
    at::Tensor features = at::ones({3, 2});
    features[1][0] = NAN;
    EXPECT_EQ(testing::message_of<DataError>([&] { distances_of(features); }),
              "[diversity] features must be finite; got a NaN or an infinity in member 1");
    EXPECT_EQ(testing::message_of<DataError>([&] { distances_of(at::ones({3})); }),
              "[diversity] features must be one row of equal width per member; got shape [3]; expected [n, "
              "d] with n, "
              "d >= 1");
  }
}

}  // namespace distances_test
}  // namespace gamut::diversity
