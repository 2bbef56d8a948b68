// SPDX-License-Identifier: Apache-2.0
// What is added to the task reward for variety: DiverseGRPO's cluster bonus, DRIFT's potential, or how much
// the base's pictures lack a member's like (mmd).
#pragma once

#include "gamut/core/config.h"
#include "gamut/diversity/spectral.h"
#include "gamut/rewards/features.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// [shaping] of a recipe.
struct ShapingConfig {
  std::string kind = "none";  // none | cluster_bonus | pairwise_potential | mmd
  // cluster_bonus: R = Q quality_scale + beta E(n_c)
  double beta = 0.7;
  double quality_scale = 1.0;
  std::string combine = "raw";        // raw | zscore: Q and E are z-scored in the group first
  std::string bonus_form = "sqrt";    // sqrt (N/n)^1/2 | inv N/n | log ln(N/n) | inv_n 1/n
  std::string clusters = "eigengap";  // eigengap | an integer k
  std::string sigma = "quantile";     // quantile | median | self_tuning | a number
  double sigma_q = 0.10;
  // pairwise_potential: r' = norm_r(r) + weight gamma^T clip(norm_d(d), 0, d_max) gate
  // mmd: r' = norm_r(r) + weight w, w the witness of shape_by_base
  double weight = 0.5;
  std::string scope = "group";  // of mmd: group | batch: of one prompt's pictures, or of an iteration's
  double width = 1.0;           // of mmd's kernel, in units of the base's median distance
  double gamma = 1.0;
  std::string diversity = "mean";  // mean | nn | vendi_loo
  std::string norm_r = "zscore";   // none | zscore
  std::string norm_d = "minmax";   // none | minmax
  double d_max = 0.65;
  std::string potential = "terminal";  // terminal | per_step_x0
  // both
  std::string gate = "none";   // none | above_mean: only members whose reward is >= the group's mean
  std::string decay = "none";  // of beta or weight over the run: none | linear | cosine
  rewards::FeaturesConfig features = {};  // what distances between pictures are taken on
  void fields(FieldVisitor& v);
  bool needs_distances() const;  // some part reads distances (also true while beta or weight is 0)
  diversity::SpectralOptions spectral() const;  // ConfigError for malformed `clusters` or `sigma`
};

// One prompt's kept members.
struct ShapedGroup {
  std::vector<int64_t> clusters = {};  // empty unless cluster_bonus
  // The raw d of each member: by the key `diversity` for the potential, else the mean distance to the others.
  // Empty without distances.
  std::vector<double> diversity = {};
  // Before beta or weight: E (0 where the gate is shut), or the normalized, clipped, gated d. combine =
  // zscore normalizes E after the gate.
  std::vector<double> bonus = {};
  std::vector<double> shaped = {};  // the reward that becomes the advantage
};

struct Normalizer {
  double mean = 0, std = 1;
};
// kind = none returns the rewards as they are. rewards [n]; distances [n, n] double, may be undefined when
// the kind needs none or `given_clusters` replaces the clustering. `progress` in [0, 1] is the share of the
// run that is done (decay). `candidates`: z-scores r by the candidates (std_source = candidates); nullptr =
// by the group itself.
ShapedGroup shape_rewards(const std::vector<double>& rewards, const at::Tensor& distances,
                          const std::vector<int64_t>& given_clusters, const ShapingConfig& config,
                          double progress, int64_t steps, const Normalizer* candidates);

// kind = mmd: shaped_j = norm_r(r_j) + weight w_j, `witness` w of diversity::mmd_witness between the pictures
// at hand and the base's: what these have too much of and the base's too little. A policy gradient of w is
// one down the discrepancy (half its gradient). In expectation 0 where both are the same.
ShapedGroup shape_by_base(const std::vector<double>& rewards, const at::Tensor& distances_NN,
                          const std::vector<double>& witness, const ShapingConfig& config, double progress,
                          const Normalizer* candidates);

// per_step_x0: the shaped rewards at each step i, with the discounted potential from i on in place of the
// terminal one. step_distances: of the states 0 … T-1; `terminal`: the group's last state. Returns [T][n].
std::vector<std::vector<double>> shape_steps(const std::vector<double>& rewards, const ShapedGroup& terminal,
                                             const std::vector<at::Tensor>& step_distances,
                                             const ShapingConfig& config, double progress,
                                             const Normalizer* candidates);

// The discounted sum of intrinsic rewards gamma d_{t+1} - d_t from step i on: gamma^{T-i} d_T - d_i.
// step_diversity [T + 1]: d of one member at each state, d_0 … d_T. Returns [T].
std::vector<double> potential_to_go(const std::vector<double>& step_diversity, double gamma);

}  // namespace gamut::algorithms
