// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/shaping.h"

#include "gamut/algorithms/moments.h"
#include "gamut/core/error.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/vendi.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace gamut::algorithms {
namespace {

// Distances that differ by less than rounding are equal: min-max must not blow rounding up to [0, 1].
constexpr double kRelativeTie = 1e-9, kAbsoluteTie = 1e-12;

// Share of beta or weight that is left.
double decay_factor(const std::string& decay, double progress) {
  const double done = std::clamp(progress, 0.0, 1.0);
  if (decay == "linear") return 1 - done;
  if (decay == "cosine") return 0.5 * (1 + std::cos(M_PI * done));
  return 1;
}

std::vector<double> normalized_rewards(const std::vector<double>& rewards, const Normalizer& normalizer) {
  std::vector<double> scores;
  for (const double reward : rewards) scores.push_back((reward - normalizer.mean) / normalizer.std);
  return scores;
}

// 1 where a member may receive the bonus.
std::vector<double> gate_of(const std::vector<double>& rewards, const std::string& gate) {
  const double mean = mean_of(rewards);
  std::vector<double> open(rewards.size(), 1.0);
  for (size_t j = 0; j < rewards.size(); ++j)
    if (gate == "above_mean" && rewards[j] < mean) open[j] = 0;
  return open;
}

// E of each member: how rare its cluster is.
std::vector<double> rarity(const std::vector<int64_t>& clusters, const std::string& form) {
  std::map<int64_t, int64_t> sizes;
  for (const int64_t label : clusters) ++sizes[label];
  std::vector<double> bonus;
  for (const int64_t label : clusters) {
    const double size = double(sizes[label]), ratio = double(clusters.size()) / size;
    bonus.push_back(form == "sqrt"  ? std::sqrt(ratio)
                    : form == "inv" ? ratio
                    : form == "log" ? std::log(ratio)
                                    : 1 / size);
  }
  return bonus;
}

std::vector<double> raw_diversity(const at::Tensor& distances, const std::string& measure) {
  if (measure == "nn") return diversity::nearest_distances(distances);
  if (measure == "vendi_loo") return diversity::vendi_leave_one_out(1 - distances);
  return diversity::mean_distances(distances);
}

std::vector<double> min_max(const std::vector<double>& values) {
  std::vector<double> scaled(values.size(), 0.0);
  if (values.empty()) return scaled;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double range = *high - *low, largest = std::max(std::abs(*low), std::abs(*high));
  if (range <= kAbsoluteTie + kRelativeTie * largest) return scaled;
  for (size_t j = 0; j < values.size(); ++j) scaled[j] = (values[j] - *low) / range;
  return scaled;
}

// The potential of each member: normalized, clipped, gated.
std::vector<double> potential_of(const std::vector<double>& diversity, const std::vector<double>& rewards,
                                 const ShapingConfig& config) {
  std::vector<double> potential = config.norm_d == "minmax" ? min_max(diversity) : diversity;
  const std::vector<double> open = gate_of(rewards, config.gate);
  for (size_t j = 0; j < potential.size(); ++j)
    potential[j] = std::clamp(potential[j], 0.0, config.d_max) * open[j];
  return potential;
}

// r as the potential is added to it.
std::vector<double> potential_rewards(const std::vector<double>& rewards, const ShapingConfig& config,
                                      const Normalizer* candidates) {
  if (candidates != nullptr) return normalized_rewards(rewards, *candidates);
  return config.norm_r == "zscore" ? z_scores(rewards, 1e-8) : rewards;
}

std::vector<double> quality_of(const std::vector<double>& rewards, const ShapingConfig& config,
                               const Normalizer* candidates) {
  if (candidates == nullptr && config.combine == "zscore") return z_scores(rewards);
  std::vector<double> quality = candidates != nullptr ? normalized_rewards(rewards, *candidates) : rewards;
  if (config.combine == "raw")
    for (double& value : quality) value *= config.quality_scale;
  return quality;
}

void add_cluster_bonus(ShapedGroup& group, const std::vector<double>& rewards, const at::Tensor& distances,
                       const std::vector<int64_t>& given_clusters, const ShapingConfig& config,
                       double progress, const Normalizer* candidates) {
  GAMUT_CHECK(!given_clusters.empty() || distances.defined(), "neither distances nor clusters");
  group.clusters =
      given_clusters.empty() ? diversity::spectral_clusters(distances, config.spectral()) : given_clusters;
  GAMUT_CHECK(group.clusters.size() == rewards.size(), group.clusters.size(), " labels");
  group.bonus = rarity(group.clusters, config.bonus_form);
  const std::vector<double> open = gate_of(rewards, config.gate);
  for (size_t j = 0; j < rewards.size(); ++j) group.bonus[j] *= open[j];

  const std::vector<double> added = config.combine == "zscore" ? z_scores(group.bonus) : group.bonus;
  const double beta = config.beta * decay_factor(config.decay, progress);
  group.shaped = quality_of(rewards, config, candidates);
  for (size_t j = 0; j < rewards.size(); ++j) group.shaped[j] += beta * added[j];
}

void add_potential(ShapedGroup& group, const std::vector<double>& rewards, const ShapingConfig& config,
                   double progress, int64_t steps, const Normalizer* candidates) {
  GAMUT_CHECK(group.diversity.size() == rewards.size(), "the potential needs distances");
  group.bonus = potential_of(group.diversity, rewards, config);
  const double weight =
      config.weight * decay_factor(config.decay, progress) * std::pow(config.gamma, double(steps));
  group.shaped = potential_rewards(rewards, config, candidates);
  for (size_t j = 0; j < rewards.size(); ++j) group.shaped[j] += weight * group.bonus[j];
}

}  // namespace

ShapedGroup shape_rewards(const std::vector<double>& rewards, const at::Tensor& distances,
                          const std::vector<int64_t>& given_clusters, const ShapingConfig& config,
                          double progress, int64_t steps, const Normalizer* candidates) {
  GAMUT_CHECK(!distances.defined() || distances.size(0) == int64_t(rewards.size()), rewards.size(),
              " rewards");
  ShapedGroup group{.bonus = std::vector<double>(rewards.size(), 0.0), .shaped = rewards};
  if (rewards.empty()) return group;
  if (config.kind == "mmd")
    throw ConfigError(
        "shaping",
        "kind = \"mmd\" compares a group with the base's pictures, which are at hand in training "
        "alone; set shaping.kind to another");
  if (distances.defined())
    group.diversity =
        raw_diversity(distances, config.kind == "pairwise_potential" ? config.diversity : "mean");
  if (config.kind == "cluster_bonus")
    add_cluster_bonus(group, rewards, distances, given_clusters, config, progress, candidates);
  if (config.kind == "pairwise_potential") add_potential(group, rewards, config, progress, steps, candidates);
  return group;
}

ShapedGroup shape_by_base(const std::vector<double>& rewards, const at::Tensor& distances,
                          const std::vector<double>& witness, const ShapingConfig& config, double progress,
                          const Normalizer* candidates) {
  GAMUT_CHECK(distances.size(0) == int64_t(rewards.size()) && witness.size() == rewards.size(),
              rewards.size(), " rewards, ", witness.size(), " witnesses");
  ShapedGroup group{.diversity = diversity::mean_distances(distances),
                    .shaped = potential_rewards(rewards, config, candidates)};
  const std::vector<double> open = gate_of(rewards, config.gate);
  const double weight = config.weight * decay_factor(config.decay, progress);
  for (size_t j = 0; j < rewards.size(); ++j) {
    group.bonus.push_back(witness[j] * open[j]);
    group.shaped[j] += weight * group.bonus.back();
  }
  return group;
}

std::vector<std::vector<double>> shape_steps(const std::vector<double>& rewards, const ShapedGroup& terminal,
                                             const std::vector<at::Tensor>& step_distances,
                                             const ShapingConfig& config, double progress,
                                             const Normalizer* candidates) {
  const size_t steps = step_distances.size();
  std::vector<std::vector<double>> potentials;  // [T + 1][n]
  for (const at::Tensor& distances : step_distances)
    potentials.push_back(potential_of(raw_diversity(distances, config.diversity), rewards, config));
  potentials.push_back(terminal.bonus);

  const double weight = config.weight * decay_factor(config.decay, progress);
  std::vector<std::vector<double>> shaped(steps, potential_rewards(rewards, config, candidates));
  for (size_t j = 0; j < rewards.size(); ++j) {
    std::vector<double> of_member;
    for (const std::vector<double>& state : potentials) of_member.push_back(state[j]);
    const std::vector<double> to_go = potential_to_go(of_member, config.gamma);
    for (size_t i = 0; i < steps; ++i) shaped[i][j] += weight * to_go[i];
  }
  return shaped;
}

std::vector<double> potential_to_go(const std::vector<double>& step_diversity, double gamma) {
  GAMUT_CHECK(!step_diversity.empty(), "no state");
  const size_t steps = step_diversity.size() - 1;
  std::vector<double> to_go(steps);
  for (size_t i = 0; i < steps; ++i)
    to_go[i] = std::pow(gamma, double(steps - i)) * step_diversity[steps] - step_diversity[i];
  return to_go;
}

}  // namespace gamut::algorithms
