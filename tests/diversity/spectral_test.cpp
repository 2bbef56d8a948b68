// SPDX-License-Identifier: Apache-2.0
// Spectral clusters against scikit-learn and NumPy (generators/clusters.py), and what must hold for any
// group. 1e-9 leaves room for another order of summation in double, nothing else.
#include "gamut/diversity/spectral.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/diversity/distances.h"
#include "gamut/io/files.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gamut::diversity {
namespace spectral_test {

using Json = nlohmann::json;
using Labels = std::vector<int64_t>;

const Json& fixture() {
  static const Json json =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/diversity/fixtures/clusters.json");
  return json["clusters"];
}

at::Tensor matrix(const Json& rows) {
  std::vector<at::Tensor> all;
  for (const Json& row : rows) all.push_back(at::tensor(row.get<std::vector<double>>(), at::kDouble));
  return at::stack(all);
}

at::Tensor distances_of(const Json& entry) {
  const at::Tensor features_ND = matrix(entry["features"]);
  return entry["metric"] == "cosine" ? cosine_distances(features_ND) : euclidean_distances(features_ND);
}

SpectralOptions options_of(const Json& entry, int64_t clusters) {
  SpectralOptions options;
  options.clusters = clusters;
  options.sigma = entry["sigma"].get<std::string>();
  return options;
}

// By first appearance, so that equal partitions are equal vectors.
Labels renamed(const Labels& labels) {
  Labels seen, result;
  for (const int64_t label : labels) {
    const auto at = std::find(seen.begin(), seen.end(), label);
    result.push_back(at - seen.begin());
    if (at == seen.end()) seen.push_back(label);
  }
  return result;
}

int64_t count(const Labels& labels) { return *std::max_element(labels.begin(), labels.end()) + 1; }

at::Tensor permuted(const at::Tensor& d_NN, const Labels& order) {
  const at::Tensor order_N = at::tensor(order, at::kLong);
  return d_NN.index_select(0, order_N).index_select(1, order_N);
}

Labels permuted(const Labels& labels, const Labels& order) {
  Labels result;
  for (const int64_t i : order) result.push_back(labels[size_t(i)]);
  return renamed(result);
}

Labels blocks(const Labels& sizes) {
  Labels labels;
  for (size_t c = 0; c < sizes.size(); ++c) labels.insert(labels.end(), size_t(sizes[c]), int64_t(c));
  return labels;
}

// 0.05 apart within a block, 0.4 between blocks, all others by up to `jitter` more.
at::Tensor block_distances(const Labels& labels, double jitter = 0, uint64_t seed = 0) {
  const int64_t n = int64_t(labels.size());
  Stream stream(seed, "test.blocks");
  at::Tensor d_NN = at::zeros({n, n}, at::kDouble);
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t k = 0; k < j; ++k) {
      const double d = (labels[size_t(j)] == labels[size_t(k)] ? 0.05 : 0.4) + jitter * stream.uniform();
      d_NN[j][k].fill_(d);
      d_NN[k][j].fill_(d);
    }
  }
  return d_NN;
}

at::Tensor random_features(int64_t n, int64_t d, int64_t modes, Stream& stream) {
  std::vector<float> centers(size_t(modes * d)), values(size_t(n * d));
  stream.fill_normal(centers);
  stream.fill_normal(values);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t mode = stream.below(modes);
    for (int64_t c = 0; c < d; ++c) {
      values[size_t(i * d + c)] =
          0.3f * values[size_t(i * d + c)] + (modes > 1 ? 2 : 0) * centers[size_t(mode * d + c)];
    }
  }
  return at::tensor(values).view({n, d});
}

TEST(spectral, parts_equal_numpy) {
  for (const Json& entry : fixture()) {
    const at::Tensor d_NN = distances_of(entry);
    EXPECT_NEAR(d_NN.sum().item<double>(), entry["distance_sum"].get<double>(), 1e-9);
    const at::Tensor a_NN = gaussian_affinity(d_NN, options_of(entry, 0));
    const at::Tensor rows = at::tensor(entry["affinity_rows"].get<std::vector<double>>(), at::kDouble);
    EXPECT_LT((a_NN.sum(1) - rows).abs().max().item<double>(), 1e-9);
    for (const auto& [key, self] : {std::pair{"spectrum", true}, {"spectrum_without_self", false}}) {
      const std::vector<double> expected = entry[key].get<std::vector<double>>();
      const std::vector<double> values = normalized_spectrum(a_NN, self);
      ASSERT_EQ(values.size(), expected.size());
      for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-9) << key << " " << i;
    }
  }
}

TEST(spectral, labels_equal_scikit_learn) {
  for (const Json& entry : fixture()) {
    SpectralOptions options = options_of(entry, entry["clusters"].get<int64_t>());
    options.self_affinity = false;
    EXPECT_EQ(spectral_clusters(distances_of(entry), options), renamed(entry["scikit_learn"].get<Labels>()));
  }
}

TEST(spectral, labels_equal_numpy_and_k_means_with_self_affinity) {
  for (const Json& entry : fixture()) {
    const at::Tensor d_NN = distances_of(entry);
    EXPECT_EQ(spectral_clusters(d_NN, options_of(entry, 0)), renamed(entry["by_eigengap"].get<Labels>()));
    for (const auto& [rows, labels] : entry["rows"].items()) {
      SpectralOptions options = options_of(entry, entry["clusters"].get<int64_t>());
      options.rows = rows;
      EXPECT_EQ(spectral_clusters(d_NN, options), renamed(labels.get<Labels>())) << rows;
    }
  }
}

TEST(spectral, finds_blocks_in_any_order) {
  for (const Labels& sizes : {Labels{12, 12}, {18, 6}, {4, 4}, {8, 8, 8}, {23, 1}}) {
    const Labels truth = blocks(sizes);
    for (uint64_t seed = 0; seed < 10; ++seed) {
      const Labels order = Stream(seed, "test.order").permutation(int64_t(truth.size()));
      const Labels expected = permuted(truth, order);
      EXPECT_EQ(spectral_clusters(block_distances(expected), {}), expected)
          << sizes.size() << " seed " << seed;
      EXPECT_EQ(spectral_clusters(block_distances(expected, 0.02, seed), {}), expected)
          << "jittered, seed " << seed;
    }
  }
}

// Two equal far blocks seen through the median have eigenvalues 1, 0.24, 0 …: the first gap is the largest.
TEST(spectral, median_width_hides_equal_blocks_from_the_eigengap) {
  SpectralOptions median;
  median.sigma = "median";
  for (const Labels& sizes : {Labels{12, 12}, {4, 4}, {8, 8, 8}}) {
    const at::Tensor d_NN = block_distances(blocks(sizes));
    EXPECT_EQ(count(spectral_clusters(d_NN, median)), 1);
    SpectralOptions fixed_count = median;
    fixed_count.clusters = int64_t(sizes.size());
    EXPECT_EQ(spectral_clusters(d_NN, fixed_count), blocks(sizes));
  }
  const at::Tensor a_NN = gaussian_affinity(block_distances(blocks({12, 12})), median);
  const std::vector<double> values = normalized_spectrum(a_NN, true);
  EXPECT_NEAR(values[0], 1, 1e-12);
  EXPECT_NEAR(values[1], 0.24, 0.005);
  EXPECT_NEAR(values[2], 0, 0.005);
}

TEST(spectral, leaves_degenerate_groups_whole) {
  for (const int64_t n : {1, 2, 3, 24}) {
    EXPECT_EQ(spectral_clusters(at::zeros({n, n}), {}), Labels(size_t(n), 0));
    EXPECT_EQ(spectral_clusters(cosine_distances(at::ones({n, 5})), {}), Labels(size_t(n), 0));
    EXPECT_EQ(spectral_clusters(cosine_distances(at::zeros({n, 5})), {}), Labels(size_t(n), 0));
    // All equally far from each other: nothing tells them apart.
    const at::Tensor equal_NN = at::full({n, n}, 0.3).fill_diagonal_(0);
    EXPECT_EQ(spectral_clusters(equal_NN, {}), Labels(size_t(n), 0));
  }
  SpectralOptions one;
  one.clusters = 1;
  EXPECT_EQ(spectral_clusters(block_distances(blocks({3, 3})), one), Labels(6, 0));
}

TEST(spectral, keeps_a_group_without_structure_in_one_cluster) {
  int64_t whole = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Stream stream(seed, "test.features");
    whole += count(spectral_clusters(cosine_distances(random_features(24, 64, 1, stream)), {})) == 1;
  }
  EXPECT_GE(whole, 45);
}

// 100 groups from one cloud to six modes, some with copies, under every option.
TEST(spectral, does_not_depend_on_the_order) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Stream stream(seed, "test.groups");
    const int64_t n = 3 + stream.below(30);
    at::Tensor features_ND = random_features(n, 2 + stream.below(12), 1 + stream.below(6), stream);
    if (seed % 5 == 0) features_ND[1] = features_ND[0];
    SpectralOptions options;
    options.sigma = std::vector<std::string>{"quantile", "median", "self_tuning", "fixed"}[seed % 4];
    options.rows = std::vector<std::string>{"degree", "raw", "unit"}[seed % 3];
    options.clusters = seed % 2 ? 1 + stream.below(std::min<int64_t>(n, 6)) : 0;
    options.self_affinity = seed % 7 != 0;
    const Labels order = stream.permutation(n);
    const at::Tensor d_NN = cosine_distances(features_ND);
    const at::Tensor shuffled_NN =
        cosine_distances(features_ND.index_select(0, at::tensor(order, at::kLong)));
    ASSERT_TRUE(shuffled_NN.equal(permuted(d_NN, order))) << "distances themselves, seed " << seed;
    const Labels labels = spectral_clusters(d_NN, options);
    EXPECT_EQ(spectral_clusters(shuffled_NN, options), permuted(labels, order)) << "seed " << seed;
    EXPECT_EQ(labels, renamed(labels)) << "named by first appearance";
    if (options.clusters > 0 && options.clusters < n - 1) {
      EXPECT_EQ(count(labels), options.clusters) << "seed " << seed;
    }
  }
}

// Sum of squared distances of the rows to the mean of their cluster.
double k_means_error(const at::Tensor& rows_NK, const Labels& labels) {
  const at::Tensor labels_N = at::tensor(labels, at::kLong);
  double error = 0;
  for (int64_t c = 0; c <= *std::max_element(labels.begin(), labels.end()); ++c) {
    const at::Tensor members_MK = rows_NK.index_select(0, labels_N.eq(c).nonzero().squeeze(1));
    if (members_MK.size(0) > 0) error += (members_MK - members_MK.mean(0)).square().sum().item<double>();
  }
  return error;
}

// All 3^7 partitions of groups without structure, where a search that stops early is seen.
TEST(spectral, k_means_finds_the_best_of_all_partitions) {
  SpectralOptions options;
  options.clusters = 3;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Stream stream(seed, "test.features");
    const at::Tensor d_NN = cosine_distances(random_features(7, 5, 1, stream));
    const at::Tensor a_NN = gaussian_affinity(d_NN, options), root_N = a_NN.sum(1).sqrt();
    const at::Tensor vectors_NN = std::get<1>(at::linalg_eigh(a_NN / root_N.outer(root_N)));
    const at::Tensor rows_NK = vectors_NN.slice(1, 4) / root_N.unsqueeze(1);
    double least = INFINITY;
    for (int64_t code = 0; code < 2187; ++code) {
      Labels labels;
      for (int64_t i = 0, rest = code; i < 7; ++i, rest /= 3) labels.push_back(rest % 3);
      least = std::min(least, k_means_error(rows_NK, labels));
    }
    EXPECT_NEAR(k_means_error(rows_NK, spectral_clusters(d_NN, options)), least, 1e-9) << "seed " << seed;
  }
}

TEST(spectral, gives_every_member_its_cluster_when_asked_for_n) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Stream stream(seed, "test.features");
    SpectralOptions options;
    options.clusters = 9;
    Labels each(9);
    std::iota(each.begin(), each.end(), 0);
    EXPECT_EQ(spectral_clusters(cosine_distances(random_features(9, 4, 1, stream)), options), each);
  }
}

TEST(spectral, never_tells_copies_apart) {
  SpectralOptions options;
  options.clusters = 5;
  const at::Tensor features_ND =
      at::tensor({1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, -1.0, 0.0}, at::kDouble).view({6, 2});
  EXPECT_EQ(spectral_clusters(cosine_distances(features_ND), options), (Labels{0, 0, 1, 0, 1, 2}));
}

TEST(spectral, takes_the_width_from_the_options) {
  const at::Tensor d_NN = block_distances({0, 0, 0, 1}, 0.3, 4);
  const auto width = [&](const SpectralOptions& options) {
    const double a = gaussian_affinity(d_NN, options)[0][1].item<double>();
    return std::sqrt(-std::pow(d_NN[0][1].item<double>(), 2) / (2 * std::log(a)));
  };
  std::vector<double> pairs;
  for (int64_t j = 0; j < 4; ++j) {
    for (int64_t k = 0; k < j; ++k) pairs.push_back(d_NN[j][k].item<double>());
  }
  std::sort(pairs.begin(), pairs.end());
  // Six pairs: 10 % lies half way from rank 0 to rank 1, 50 % half way from rank 2 to rank 3.
  EXPECT_NEAR(width({}), (pairs[0] + pairs[1]) / 2, 1e-12);
  EXPECT_NEAR(width({.sigma = "median"}), (pairs[2] + pairs[3]) / 2, 1e-12);
  EXPECT_NEAR(width({.sigma_q = 0.5}), (pairs[2] + pairs[3]) / 2, 1e-12);
  EXPECT_NEAR(width({.sigma = "fixed", .sigma_value = 0.2}), 0.2, 1e-12);
  // Near copies: the floor.
  const at::Tensor near_NN = d_NN * 1e-5;
  EXPECT_NEAR(gaussian_affinity(near_NN, {})[0][1].item<double>(),
              std::exp(-std::pow(near_NN[0][1].item<double>(), 2) / 2e-6), 1e-12);
}

TEST(spectral, refuses_bad_options) {
  const at::Tensor d_NN = block_distances(blocks({2, 2}));
  const auto message = [&](const SpectralOptions& options) {
    return testing::message_of<ConfigError>([&] { spectral_clusters(d_NN, options); });
  };
  EXPECT_EQ(
      message({.clusters = 5}),
      "[diversity] a group of 4 members cannot form 5 clusters; ask for at most 4, or for the eigengap");
  EXPECT_EQ(message({.sigma = "mean"}),
            "[diversity] sigma is out of range; got mean; expected quantile, median, self_tuning or fixed");
  EXPECT_EQ(message({.sigma = "fixed", .sigma_value = 0}),
            "[diversity] sigma_value is out of range; got 0; expected a number above 0");
  EXPECT_EQ(message({.rows = "row"}),
            "[diversity] rows is out of range; got row; expected degree, raw or unit");
}

}  // namespace spectral_test
}  // namespace gamut::diversity
