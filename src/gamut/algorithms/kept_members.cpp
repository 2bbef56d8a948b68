// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/kept_members.h"

#include "gamut/algorithms/group_advantages.h"
#include "gamut/algorithms/moments.h"
#include "gamut/core/error.h"
#include "gamut/diversity/discrepancy.h"
#include "gamut/diversity/distances.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace gamut::algorithms {
namespace {

constexpr double kCandidateFloor = 1e-4;  // least std of the candidates

// Rows and columns of the members.
at::Tensor part_of(const at::Tensor& matrix, const std::vector<int64_t>& members) {
  if (!matrix.defined()) return {};
  const at::Tensor index = at::tensor(members, at::kLong);
  return matrix.index_select(0, index).index_select(1, index);
}

int64_t planned_keep(const Group& group, const CreditConfig& config, const CreditContext& context) {
  if (context.keep > 0) return context.keep;
  if (config.subset.keep > 0) return config.subset.keep;
  return std::max<int64_t>(1, int64_t(group.rewards.size()) / 2);
}

// Members whose score failed may leave fewer than planned; that is no mistake of the recipe.
int64_t possible(int64_t planned, int64_t size, int64_t left) {
  return planned <= size ? std::min(planned, left) : planned;
}

// How many members of each group train.
std::vector<int64_t> keeps_of(const std::vector<Group>& groups, const CreditConfig& config,
                              const CreditContext& context) {
  std::vector<std::vector<double>> rewards;
  std::vector<int64_t> keeps;
  for (const Group& group : groups) {
    rewards.push_back(scored_rewards(group));
    keeps.push_back(possible(planned_keep(group, config, context), int64_t(group.rewards.size()),
                             int64_t(rewards.back().size())));
  }
  if (config.subset.scope != "batch") return keeps;
  check_subset(config.subset);
  return allocate_by_reward_gap(rewards, keeps);
}

Kept select(const Group& group, int64_t index, int64_t keep, const CreditConfig& config,
            const CreditContext& context) {
  Kept kept{.candidates = scored_rewards(group)};
  const std::vector<int64_t> scored = scored_members(group);
  if (scored.empty() || keep == 0) return kept;
  const Subset subset =
      choose_subset(kept.candidates, config.subset, keep, context.seed, {context.iteration, index});
  kept.std_ratio = subset.std_ratio;
  kept.fallbacks = subset.fallbacks;
  for (const int64_t place : subset.kept) {
    kept.members.push_back(scored[size_t(place)]);
    kept.rewards.push_back(kept.candidates[size_t(place)]);
  }
  kept.distances = part_of(group.distances_NN, kept.members);
  return kept;
}

// Mean and std of the group's candidates; the std of all candidates of the batch if that is the scope.
Normalizer candidate_normalizer(const Kept& kept, const std::vector<double>& batch,
                                const AdvantageConfig& config) {
  const std::string scope = std_scope(config);
  const double std =
      scope == "none" ? 1.0 : std_of(scope == "batch" ? batch : kept.candidates, config.std_ddof);
  return {.mean = mean_of(kept.candidates), .std = std::max(std, kCandidateFloor)};
}

std::vector<int64_t> kept_clusters(const Group& group, const Kept& kept) {
  std::vector<int64_t> labels;
  if (group.clusters.empty()) return labels;
  GAMUT_CHECK(group.clusters.size() == group.rewards.size(), group.clusters.size(), " labels");
  for (const int64_t member : kept.members) labels.push_back(group.clusters[size_t(member)]);
  return labels;
}

// The recipe's shaping, with fewer clusters where failed scores left fewer members than clusters.
ShapingConfig fitting(const Group& group, const Kept& kept, const CreditConfig& config,
                      const CreditContext& context) {
  ShapingConfig shaping = config.shaping;
  if (shaping.kind != "cluster_bonus") return shaping;
  const int64_t size = int64_t(group.rewards.size());
  const int64_t planned = config.subset.is_on() ? std::min(planned_keep(group, config, context), size) : size;
  const int64_t clusters = shaping.spectral().clusters, left = int64_t(kept.members.size());
  if (clusters > left && clusters <= planned) shaping.clusters = cat(left);
  return shaping;
}

// mmd: of each kept member.
std::vector<double> witness_of(const Group& group, const Kept& kept, const ShapingConfig& shaping) {
  if (!group.witness.empty()) {
    std::vector<double> witness;
    for (const int64_t member : kept.members) witness.push_back(group.witness[size_t(member)]);
    return witness;
  }
  if (!group.base_distances_NM.defined())
    throw ConfigError(
        "shaping",
        "kind = \"mmd\" compares a group with the base's pictures, which are at hand in training alone; "
        "set shaping.kind to another");
  return diversity::mmd_witness(kept.distances,
                                group.base_distances_NM.index_select(0, at::tensor(kept.members, at::kLong)),
                                shaping.width * group.base_width);
}

void shape(Kept& kept, const Group& group, const CreditConfig& config, const CreditContext& context,
           const Normalizer* normalizer) {
  const double progress = double(context.iteration) / double(std::max<int64_t>(1, context.iterations));
  const std::vector<int64_t> labels = kept_clusters(group, kept);
  const ShapingConfig shaping = fitting(group, kept, config, context);
  if (shaping.kind == "mmd" && !kept.members.empty())
    kept.shape = shape_by_base(kept.rewards, kept.distances, witness_of(group, kept, shaping), shaping,
                               progress, normalizer);
  else
    kept.shape =
        shape_rewards(kept.rewards, kept.distances, labels, shaping, progress, context.steps, normalizer);
  if (kept.shape.clusters.empty()) kept.shape.clusters = labels;
  if (shaping.kind == "none" && config.advantage.needs_distances() && !kept.members.empty())
    kept.shape.diversity = diversity::nearest_distances(kept.distances);
  kept.shaped = {kept.shape.shaped};
  if (shaping.kind != "pairwise_potential" || shaping.potential != "per_step_x0") return;
  if (kept.members.empty()) return kept.shaped.resize(1 + group.step_distances_NN.size());
  std::vector<at::Tensor> steps;
  for (const at::Tensor& distances : group.step_distances_NN)
    steps.push_back(part_of(distances, kept.members));
  for (auto& at_step : shape_steps(kept.rewards, kept.shape, steps, shaping, progress, normalizer))
    kept.shaped.push_back(std::move(at_step));
}

}  // namespace

std::vector<int64_t> scored_members(const Group& group) {
  GAMUT_CHECK(group.rewards.size() == group.scored.size(), group.rewards.size(), " rewards, ",
              group.scored.size(), " marks");
  std::vector<int64_t> members;
  for (size_t j = 0; j < group.rewards.size(); ++j) {
    if (!group.scored[j]) continue;
    GAMUT_CHECK(std::isfinite(group.rewards[j]), "reward of member ", j, " is ", group.rewards[j]);
    members.push_back(int64_t(j));
  }
  return members;
}

std::vector<double> scored_rewards(const Group& group) {
  std::vector<double> rewards;
  for (const int64_t member : scored_members(group)) rewards.push_back(group.rewards[size_t(member)]);
  return rewards;
}

std::vector<Kept> select_and_shape(const std::vector<Group>& groups, const CreditConfig& config,
                                   const CreditContext& context) {
  std::vector<Kept> all;
  std::vector<double> batch;  // rewards of all candidates
  const std::vector<int64_t> keeps = keeps_of(groups, config, context);
  for (size_t g = 0; g < groups.size(); ++g) {
    all.push_back(select(groups[g], int64_t(g), keeps[g], config, context));
    batch.insert(batch.end(), all.back().candidates.begin(), all.back().candidates.end());
  }
  const bool normalizes = by_candidates(config.advantage);
  for (size_t g = 0; g < groups.size(); ++g) {
    const Normalizer normalizer = candidate_normalizer(all[g], batch, config.advantage);
    shape(all[g], groups[g], config, context, normalizes ? &normalizer : nullptr);
    // Without shaping the rewards are reported as they are, and normalized only now.
    if (normalizes && config.shaping.kind == "none")
      for (double& value : all[g].shaped[0]) value = (value - normalizer.mean) / normalizer.std;
  }
  return all;
}

}  // namespace gamut::algorithms
