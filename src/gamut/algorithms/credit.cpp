// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/credit.h"

#include "gamut/algorithms/moments.h"
#include "gamut/algorithms/tmpo.h"
#include "gamut/core/error.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/measures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace gamut::algorithms {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kCandidateFloor = 1e-4;  // least std of the candidates
constexpr double kLeastOdds = 1e-4;       // a reward within this of 0 or 1 counts as so far away

// What is left of a group after selection; members are named by their index in the group.
struct Kept {
  std::vector<int64_t> members = {};
  std::vector<double> candidates = {};  // rewards of all scored members
  std::vector<double> rewards = {};     // of the kept
  at::Tensor distances = {};
  ShapedGroup shape = {};
  std::vector<std::vector<double>> shaped = {};  // [1 + T]: the terminal form, then one per step
  double std_ratio = 1;
  int64_t fallbacks = 0;
};

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

std::vector<double> scored_rewards(const Group& group) {
  std::vector<double> rewards;
  for (const int64_t member : scored_members(group)) rewards.push_back(group.rewards[size_t(member)]);
  return rewards;
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

// The groups with rewards that are equal but for their rounding made equal, so that nothing that follows sees
// a difference.
std::vector<Group> resolved(std::vector<Group> groups, double resolution) {
  for (Group& group : groups) {
    const std::vector<double> rewards = scored_rewards(group);
    if (resolution == 0 || rewards.size() < 2) continue;
    const auto [low, high] = std::minmax_element(rewards.begin(), rewards.end());
    const double mean = mean_of(rewards);
    if (*high - *low > resolution * std::max(1.0, std::abs(mean))) continue;
    for (const int64_t member : scored_members(group)) group.rewards[size_t(member)] = mean;
  }
  return groups;
}

// The groups with log-odds in place of rewards.
std::vector<Group> scaled(std::vector<Group> groups, const AdvantageConfig& config) {
  if (config.scale != "log_odds") return groups;
  for (Group& group : groups)
    for (const int64_t member : scored_members(group)) {
      double& reward = group.rewards[size_t(member)];
      if (!(reward >= 0 && reward <= 1))
        throw ConfigError("advantage",
                          cat("scale = \"log_odds\" takes rewards in [0, 1], as a probability is; got ",
                              reward, "; expected advantage.scale = \"reward\""));
      const double odds = std::clamp(reward, kLeastOdds, 1 - kLeastOdds);
      reward = std::log(odds / (1 - odds));
    }
  return groups;
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

// Where the std of the advantages is taken.
std::string scope_of(const AdvantageConfig& config) {
  if (config.kind == "no_std" || config.kind == "running" || config.kind == "tmpo") return "none";
  if (config.std_scope != "auto") return config.std_scope;
  if (config.kind == "nearest_neighbour_weight") return "none";
  return config.kind == "group" ? "group" : "batch";
}

bool by_candidates(const AdvantageConfig& config) {
  if (config.std_source != "candidates") return false;
  if (config.kind == "running")
    throw ConfigError("advantage",
                      "std_source = candidates does not go with kind = running, whose std is that of the "
                      "prompt's buffer; set std_source = kept");
  return true;
}

// Mean and std of the group's candidates; the std of all candidates of the batch if that is the scope.
Normalizer candidate_normalizer(const Kept& kept, const std::vector<double>& batch,
                                const AdvantageConfig& config) {
  const std::string scope = scope_of(config);
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

// Rows: the kept members; columns: the base's pictures.
at::Tensor to_base(const Group& group, const Kept& kept) {
  if (!group.base_distances_NM.defined())
    throw ConfigError(
        "shaping",
        "kind = \"mmd\" compares a group with the base's pictures, which are at hand in training alone; "
        "set shaping.kind to another");
  return group.base_distances_NM.index_select(0, at::tensor(kept.members, at::kLong));
}

void shape(Kept& kept, const Group& group, const CreditConfig& config, const CreditContext& context,
           const Normalizer* normalizer) {
  const double progress = double(context.iteration) / double(std::max<int64_t>(1, context.iterations));
  const std::vector<int64_t> labels = kept_clusters(group, kept);
  const ShapingConfig shaping = fitting(group, kept, config, context);
  if (shaping.kind == "mmd" && !kept.members.empty())
    kept.shape = shape_by_base(kept.rewards, kept.distances, {to_base(group, kept), group.base_width},
                               shaping, progress, normalizer);
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

// GARDO: members at or above the mean count by how far they are from their nearest neighbor.
std::vector<double> neighbor_weights(const std::vector<double>& rewards, const at::Tensor& distances) {
  std::vector<double> weights(rewards.size(), 1.0);
  GAMUT_CHECK(distances.defined(), "nearest_neighbour_weight needs distances");
  const std::vector<double> nearest = diversity::nearest_distances(distances);
  const double reward_mean = mean_of(rewards), distance_mean = mean_of(nearest);
  if (rewards.size() < 2 || distance_mean <= 0) return weights;
  for (size_t j = 0; j < rewards.size(); ++j)
    if (rewards[j] >= reward_mean) weights[j] = nearest[j] / distance_mean;
  return weights;
}

double divisor(double measured, const AdvantageConfig& config) {
  const double std = std::max(measured, config.resolution);
  return config.std_eps_form == "floor" ? std::max(std, config.std_eps) : std + config.std_eps;
}

// (value - mean) / scale; exactly 0 where the values are all equal.
std::vector<double> baselined(const std::vector<double>& values, double scale) {
  std::vector<double> out(values.size(), 0.0);
  if (all_equal(values)) return out;
  const double mean = mean_of(values);
  for (size_t j = 0; j < values.size(); ++j) out[j] = (values[j] - mean) / scale;
  return out;
}

// Advantages from statistics that outlive the iteration. A prompt drawn twice is one source.
std::vector<std::vector<double>> running_advantages(const std::vector<Kept>& all,
                                                    const std::vector<Group>& groups, size_t form,
                                                    const std::vector<double>& batch,
                                                    const AdvantageConfig& config,
                                                    PromptStatistics& statistics) {
  if (form == 0)
    for (size_t g = 0; g < groups.size(); ++g)
      statistics.append(groups[g].prompt, all[g].shaped[form], config.buffer);
  std::vector<std::vector<double>> advantages;
  for (size_t g = 0; g < groups.size(); ++g) {
    PromptStatistics::Moments moments = statistics.append(groups[g].prompt, {}, config.buffer);
    if (moments.count < config.buffer) moments = {.mean = mean_of(batch), .std = std_of(batch), .count = 0};
    auto& row = advantages.emplace_back();
    for (const double value : all[g].shaped[form])
      row.push_back(value == moments.mean ? 0.0 : (value - moments.mean) / divisor(moments.std, config));
  }
  return advantages;
}

std::vector<std::vector<double>> target_advantages(const std::vector<Kept>& all,
                                                   const std::vector<Group>& groups, size_t form,
                                                   const AdvantageConfig& config) {
  std::vector<std::vector<double>> advantages;
  for (size_t g = 0; g < groups.size(); ++g) {
    std::vector<double> log_probs;
    for (const int64_t member : all[g].members)
      if (!groups[g].log_probs.empty()) log_probs.push_back(groups[g].log_probs[size_t(member)]);
    advantages.push_back(tmpo_advantages(all[g].shaped[form], log_probs, config.target_beta));
  }
  return advantages;
}

// Unclipped advantages of one form (0: terminal, i + 1: step i) of all groups.
std::vector<std::vector<double>> advantages_of(const std::vector<Kept>& all, const std::vector<Group>& groups,
                                               size_t form, const AdvantageConfig& config,
                                               PromptStatistics* statistics) {
  std::vector<double> batch;
  for (const Kept& kept : all) batch.insert(batch.end(), kept.shaped[form].begin(), kept.shaped[form].end());
  if (config.kind == "running") {
    GAMUT_CHECK(statistics != nullptr, "running needs the prompts' statistics");
    return running_advantages(all, groups, form, batch, config, *statistics);
  }
  if (config.kind == "reward") {
    std::vector<std::vector<double>> rewards;
    for (const Kept& kept : all) rewards.push_back(kept.shaped[form]);
    return rewards;
  }
  if (config.kind == "tmpo") return target_advantages(all, groups, form, config);
  const std::string scope = by_candidates(config) ? "none" : scope_of(config);
  const double batch_std = std_of(batch, config.std_ddof);
  std::vector<std::vector<double>> advantages;
  for (const Kept& kept : all) {
    const std::vector<double>& values = kept.shaped[form];
    const double std = scope == "batch" ? batch_std : std_of(values, config.std_ddof);
    auto& row = advantages.emplace_back(baselined(values, scope == "none" ? 1.0 : divisor(std, config)));
    if (config.kind != "nearest_neighbour_weight" || row.empty()) continue;
    const std::vector<double> weights = neighbor_weights(values, kept.distances);
    for (size_t j = 0; j < row.size(); ++j) row[j] *= weights[j];
  }
  return advantages;
}

template <class T>
std::vector<T> scattered(const std::vector<T>& values, const Kept& kept, size_t size, T absent) {
  std::vector<T> out(size, absent);
  if (values.empty()) return out;
  for (size_t j = 0; j < kept.members.size(); ++j) out[size_t(kept.members[j])] = values[j];
  return out;
}

std::vector<double> clipped(std::vector<double> advantages, double clip) {
  for (double& advantage : advantages) advantage = std::clamp(advantage, -clip, clip);
  return advantages;
}

// `advantages`: per form, of this group's kept members.
GroupCredit credit_of(const Kept& kept, const std::vector<std::vector<double>>& advantages, size_t size,
                      const AdvantageConfig& config) {
  GroupCredit credit{.kept = kept.members,
                     .clusters = scattered<int64_t>(kept.shape.clusters, kept, size, -1),
                     .diversity = scattered(kept.shape.diversity, kept, size, kNaN),
                     .bonus = scattered(kept.shape.bonus, kept, size, kNaN),
                     .shaped = scattered(kept.shape.shaped, kept, size, kNaN),
                     .trained = std::vector<uint8_t>(size, 0)};
  for (size_t form = 0; form < advantages.size(); ++form) {
    const std::vector<double> row =
        config.kind == "reward" ? advantages[form] : clipped(advantages[form], config.clip);
    std::vector<double> of_all = scattered(row, kept, size, 0.0);
    for (const int64_t member : kept.members)
      if (of_all[size_t(member)] != 0 || config.zero == "keep") credit.trained[size_t(member)] = 1;
    if (form == 0)
      credit.advantages = std::move(of_all);
    else
      credit.step_advantages.push_back(std::move(of_all));
  }
  return credit;
}

double size_entropy(const std::vector<int64_t>& labels) {
  std::map<int64_t, int64_t> sizes;
  for (const int64_t label : labels) ++sizes[label];
  double entropy = 0;
  for (const auto& [label, size] : sizes) {
    const double share = double(size) / double(labels.size());
    entropy -= share * std::log(share);
  }
  return entropy;
}

int64_t count_of(std::vector<int64_t> labels) {
  std::sort(labels.begin(), labels.end());
  return std::unique(labels.begin(), labels.end()) - labels.begin();
}

// Metrics over groups with at least one member.
void add_metrics(Credit& credit, const std::vector<Kept>& all) {
  std::vector<double> counts, entropies, bonus_stds, distances, ratios, sizes;
  for (const Kept& kept : all) {
    // A group that was given no place has a signal all the same, only a smaller one than others.
    credit.zero_std_groups += all_equal(kept.members.empty() ? kept.candidates : kept.shape.shaped);
    credit.subset_fallbacks += kept.fallbacks > 0;
    if (kept.members.empty()) continue;
    counts.push_back(double(count_of(kept.shape.clusters)));
    entropies.push_back(kept.shape.clusters.empty() ? 0.0 : size_entropy(kept.shape.clusters));
    bonus_stds.push_back(std_of(kept.shape.bonus));
    distances.push_back(kept.distances.defined() ? diversity::pairwise_mean(kept.distances) : 0.0);
    ratios.push_back(kept.std_ratio);
  }
  for (const GroupCredit& group : credit.groups)
    for (const int64_t member : group.kept) sizes.push_back(std::abs(group.advantages[size_t(member)]));
  credit.advantage_abs_mean = mean_of(sizes);
  credit.cluster_count = mean_of(counts);
  credit.cluster_entropy = mean_of(entropies);
  credit.bonus_std = mean_of(bonus_stds);
  credit.pairwise_distance = mean_of(distances);
  credit.subset_std_ratio = ratios.empty() ? 1.0 : mean_of(ratios);
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

}  // namespace

Credit assign_credit(const std::vector<Group>& given, const CreditConfig& config,
                     const CreditContext& context) {
  const std::vector<Group> groups = resolved(scaled(given, config.advantage), config.advantage.resolution);
  const std::vector<Kept> all = select_and_shape(groups, config, context);
  size_t forms = all.empty() ? 1 : all.front().shaped.size();
  for (const Kept& kept : all) forms = std::min(forms, kept.shaped.size());
  std::vector<std::vector<std::vector<double>>> advantages(groups.size());  // [group][form][member]
  for (size_t form = 0; form < forms; ++form) {
    auto rows = advantages_of(all, groups, form, config.advantage, context.statistics);
    for (size_t g = 0; g < groups.size(); ++g) advantages[g].push_back(std::move(rows[g]));
  }
  Credit credit;
  for (size_t g = 0; g < groups.size(); ++g)
    credit.groups.push_back(credit_of(all[g], advantages[g], groups[g].rewards.size(), config.advantage));
  add_metrics(credit, all);
  return credit;
}

}  // namespace gamut::algorithms
