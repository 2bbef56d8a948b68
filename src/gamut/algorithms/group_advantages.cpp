// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/group_advantages.h"

#include "gamut/algorithms/moments.h"
#include "gamut/algorithms/tmpo.h"
#include "gamut/core/error.h"
#include "gamut/diversity/distances.h"

#include <algorithm>

namespace gamut::algorithms {
namespace {

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

}  // namespace

std::string std_scope(const AdvantageConfig& config) {
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
  const std::string scope = by_candidates(config) ? "none" : std_scope(config);
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

}  // namespace gamut::algorithms
