// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/measures.h"

#include "gamut/core/error.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/vendi.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace gamut::diversity {

namespace {

// In ascending order, so that the sum does not depend on the members' order.
double mean(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / double(values.size());
}

std::vector<int64_t> cluster_sizes(const std::vector<int64_t>& labels) {
  std::map<int64_t, int64_t> counts;
  for (const int64_t label : labels) ++counts[label];
  std::vector<int64_t> sizes;
  for (const auto& [label, count] : counts) sizes.push_back(count);
  return sizes;
}

}  // namespace

CheckedGroup check_group(const GroupGeometry& group) {
  const int given = group.features_ND.defined() + group.distances_NN.defined() + group.kernel_NN.defined();
  if (given != 1) {
    throw DataError("diversity",
                    cat("a group is given by exactly one of features, distances or kernel; got ", given));
  }
  if (group.features_ND.defined()) {
    return {cosine_distances(group.features_ND), cosine_kernel(group.features_ND)};
  }
  if (group.distances_NN.defined()) {
    const at::Tensor d_NN = checked_distances(group.distances_NN);
    return {d_NN, 1 - d_NN};
  }
  const at::Tensor k_NN = checked_kernel(group.kernel_NN);
  return {(1 - k_NN).clamp_min(0), k_NN};
}

double pairwise_mean(const at::Tensor& distances) { return mean(mean_distances(distances)); }

double nearest_mean(const at::Tensor& distances) { return mean(nearest_distances(distances)); }

double rke(const at::Tensor& kernel) {
  const at::Tensor k_NN = checked_kernel(kernel);
  return 1 / (k_NN / double(k_NN.size(0))).square().sum().item<double>();
}

double effective_modes(const std::vector<int64_t>& labels) {
  double entropy = 0;
  for (const int64_t size : cluster_sizes(labels)) {
    const double share = double(size) / double(labels.size());
    entropy -= share * std::log(share);
  }
  return labels.empty() ? 0.0 : std::exp(entropy);
}

nlohmann::ordered_json describe_group(const GroupGeometry& group, const SpectralOptions& options) {
  const CheckedGroup checked = check_group(group);
  const std::vector<int64_t> labels = spectral_clusters(checked.distances_NN, options);
  const std::vector<int64_t> sizes = cluster_sizes(labels);

  nlohmann::ordered_json json;
  json["vendi"] = vendi_from_kernel(checked.kernel_NN);
  json["vendi_q2"] = vendi_from_kernel(checked.kernel_NN, 2);
  json["vendi_qinf"] = vendi_from_kernel(checked.kernel_NN, std::numeric_limits<double>::infinity());
  json["rke"] = rke(checked.kernel_NN);
  json["pairwise_mean"] = pairwise_mean(checked.distances_NN);
  json["nearest_mean"] = nearest_mean(checked.distances_NN);
  json["clusters"] = sizes.size();
  json["cluster_labels"] = labels;
  json["cluster_sizes"] = sizes;
  json["effective_modes"] = effective_modes(labels);
  json["n"] = labels.size();
  return json;
}

}  // namespace gamut::diversity
