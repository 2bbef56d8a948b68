// SPDX-License-Identifier: Apache-2.0
// Measures of one group: brute force and cases worked out by hand; 1e-12 is rounding in double.
#include "gamut/diversity/measures.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/vendi.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::diversity {
namespace group_test {

at::Tensor random_features(int64_t n, int64_t d, uint64_t seed) {
  std::vector<float> values(size_t(n * d));
  Stream(seed, "test.features").fill_normal(values);
  return at::tensor(values).view({n, d});
}

void expect_near(const nlohmann::ordered_json& a, const nlohmann::ordered_json& b) {
  for (const char* key : {"vendi", "vendi_q2", "vendi_qinf", "rke", "pairwise_mean", "nearest_mean"}) {
    EXPECT_NEAR(a.at(key).get<double>(), b.at(key).get<double>(), 1e-9) << key;
  }
  EXPECT_EQ(a.at("clusters"), b.at("clusters"));
  EXPECT_EQ(a.at("cluster_labels"), b.at("cluster_labels"));
}

TEST(group, means_equal_brute_force) {
  const at::Tensor d_NN = cosine_distances(random_features(8, 4, 1));
  double pairs = 0, nearest = 0;
  for (int64_t j = 0; j < 8; ++j) {
    double least = INFINITY;
    for (int64_t k = 0; k < 8; ++k) {
      if (j < k) pairs += d_NN[j][k].item<double>() / 28;
      if (j != k) least = std::min(least, d_NN[j][k].item<double>());
    }
    nearest += least / 8;
  }
  EXPECT_NEAR(pairwise_mean(d_NN), pairs, 1e-12);
  EXPECT_NEAR(nearest_mean(d_NN), nearest, 1e-12);
  // The form of the cosine kernel: n / (n - 1) (1 - mean K).
  EXPECT_NEAR(pairs, 8.0 / 7 * (1 - (1 - d_NN).mean().item<double>()), 1e-12);
}

TEST(group, means_at_the_ends) {
  EXPECT_EQ(pairwise_mean(cosine_distances(at::ones({5, 3}))), 0.0);
  EXPECT_NEAR(pairwise_mean(cosine_distances(at::eye(5))), 1.0, 1e-12);
  EXPECT_NEAR(nearest_mean(cosine_distances(at::eye(5))), 1.0, 1e-12);
  EXPECT_EQ(pairwise_mean(at::zeros({1, 1})), 0.0);
}

TEST(group, rke_is_vendi_of_order_two) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const at::Tensor kernel = cosine_kernel(random_features(10, 6, seed));
    EXPECT_NEAR(rke(kernel), vendi_from_kernel(kernel, 2), 1e-9);
  }
  EXPECT_NEAR(rke(at::eye(4)), 4.0, 1e-12);
  EXPECT_NEAR(rke(at::ones({4, 4})), 1.0, 1e-12);
}

TEST(group, counts_effective_modes) {
  EXPECT_NEAR(effective_modes({0, 1, 2, 0, 1, 2}), 3.0, 1e-12);
  EXPECT_NEAR(effective_modes({7, 7, 7}), 1.0, 1e-12);
  EXPECT_NEAR(effective_modes({0, 0, 0, 5}), std::exp(0.5623351446188083), 1e-12);  // entropy of 3/4 and 1/4
  EXPECT_EQ(effective_modes({}), 0.0);
}

TEST(group, description_worked_out_by_hand) {
  // Two orthogonal directions, three members and one: kernel eigenvalues 3/4 and 1/4.
  const at::Tensor features = at::tensor({1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 3.0, 0.0}).view({4, 2});
  const auto json = describe_group({.features_ND = features}, {});
  EXPECT_NEAR(json["vendi"].get<double>(), std::exp(0.5623351446188083), 1e-9);
  EXPECT_NEAR(json["vendi_q2"].get<double>(), 1.6, 1e-9);
  EXPECT_NEAR(json["vendi_qinf"].get<double>(), 4.0 / 3, 1e-9);
  EXPECT_NEAR(json["rke"].get<double>(), 1.6, 1e-9);
  EXPECT_NEAR(json["pairwise_mean"].get<double>(), 0.5, 1e-9);
  EXPECT_NEAR(json["nearest_mean"].get<double>(), 0.25, 1e-9);
  EXPECT_EQ(json["clusters"], 2);
  EXPECT_EQ(json["cluster_labels"], (std::vector<int64_t>{0, 0, 1, 0}));
  EXPECT_EQ(json["cluster_sizes"], (std::vector<int64_t>{3, 1}));
  EXPECT_NEAR(json["effective_modes"].get<double>(), std::exp(0.5623351446188083), 1e-9);
  EXPECT_EQ(json["n"], 4);
}

TEST(group, description_is_the_same_from_features_distances_and_kernel) {
  const at::Tensor features = random_features(12, 5, 6);
  const auto json = describe_group({.features_ND = features}, {});
  expect_near(describe_group({.distances_NN = cosine_distances(features)}, {}), json);
  expect_near(describe_group({.kernel_NN = cosine_kernel(features)}, {}), json);
}

TEST(group, description_of_equal_members_and_of_one) {
  for (const at::Tensor& features : {at::ones({6, 3}), at::zeros({6, 3}), at::ones({1, 3})}) {
    const auto json = describe_group({.features_ND = features}, {});
    for (const char* key : {"vendi", "vendi_q2", "vendi_qinf", "rke", "clusters", "effective_modes"}) {
      EXPECT_NEAR(json[key].get<double>(), 1.0, 1e-9) << key;
    }
    EXPECT_EQ(json["pairwise_mean"].get<double>(), 0.0);
    EXPECT_EQ(json["nearest_mean"].get<double>(), 0.0);
  }
}

TEST(group, refuses_what_is_no_group) {
  const auto message = [](const GroupGeometry& group) {
    return testing::message_of<DataError>([&] { describe_group(group, {}); });
  };
  const auto kernel = [](std::vector<double> values) {
    return GroupGeometry{.kernel_NN = at::tensor(values, at::kDouble).view({2, 2})};
  };
  EXPECT_EQ(message({}),
            "[diversity] a group is given by exactly one of features, distances or kernel; got 0");
  EXPECT_EQ(message(kernel({1, 0.5, 0.4, 1})), "[diversity] a kernel must be symmetric to within 1e-6");
  EXPECT_EQ(message(kernel({1, 0.5, 0.5, 2})),
            "[diversity] a kernel must have ones on its diagonal to within 1e-6");
  EXPECT_EQ(message(kernel({1, 1.5, 1.5, 1})),
            "[diversity] a kernel must have no entry above 1 to within 1e-6");
  EXPECT_EQ(message(kernel({1, NAN, NAN, 1})),
            "[diversity] a kernel must be finite; got a NaN or an infinity");
  EXPECT_EQ(message({.kernel_NN = at::ones({2, 3})}),
            "[diversity] a kernel must be a square matrix, one row and column per member; got shape [2, 3]");
}

// A similarity that is no kernel: eigenvalues 1.9 / 3 twice and a negative one, which counts as 0.
TEST(group, takes_negative_eigenvalues_for_zero) {
  const at::Tensor k_NN = at::full({3, 3}, -0.9, at::kDouble).fill_diagonal_(1);
  const auto json = describe_group({.kernel_NN = k_NN}, {});
  EXPECT_NEAR(json["vendi_qinf"].get<double>(), 3 / 1.9, 1e-9);
  EXPECT_TRUE(std::isfinite(json["vendi"].get<double>()));
}

}  // namespace group_test
}  // namespace gamut::diversity
