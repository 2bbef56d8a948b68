// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/credit.h"

#include "gamut/algorithms/group_advantages.h"
#include "gamut/algorithms/kept_members.h"
#include "gamut/algorithms/moments.h"
#include "gamut/core/error.h"
#include "gamut/diversity/measures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace gamut::algorithms {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLeastOdds = 1e-4;  // a reward within this of 0 or 1 counts as so far away

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
