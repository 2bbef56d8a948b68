// SPDX-License-Identifier: Apache-2.0
// Every diversity number of one group, each with its formula in docs/metrics.md.
#pragma once

#include "gamut/diversity/spectral.h"

#include <ATen/core/Tensor.h>
#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <vector>

namespace gamut::diversity {

double pairwise_mean(const at::Tensor& distances);  // (2 / (n (n - 1))) sum_{j<k} d_jk; 0 for n = 1
double nearest_mean(const at::Tensor& distances);   // mean_j min_{k != j} d_jk; 0 for n = 1
// 1 / sum_jk (K_jk / n)^2: Renyi kernel entropy as a count, equal to Vendi of order 2.
double rke(const at::Tensor& kernel);
// exp(-sum_m p_m ln p_m), p_m = share of label m; range [1, number of different labels], 0 without labels.
// Biased low in small groups: compare only at equal n.
double effective_modes(const std::vector<int64_t>& labels);

// Exactly one of the three given, the others undefined. Features give the cosine kernel and 1 - cosine;
// distances give the kernel 1 - distances; a kernel gives the distances 1 - kernel.
struct GroupGeometry {
  at::Tensor features_ND{}, distances_NN{}, kernel_NN{};
};
// Checked, in double on the CPU. DataError unless exactly one is given and it is what it must be.
struct CheckedGroup {
  at::Tensor distances_NN, kernel_NN;
};
CheckedGroup check_group(const GroupGeometry& group);
// vendi, vendi_q2, vendi_qinf, rke, pairwise_mean, nearest_mean, clusters (how many spectral_clusters finds),
// cluster_labels, cluster_sizes (in the order of the labels), effective_modes (of the clusters), n.
nlohmann::ordered_json describe_group(const GroupGeometry& group, const SpectralOptions& options);

}  // namespace gamut::diversity
