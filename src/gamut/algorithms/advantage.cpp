// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/advantage.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>

namespace gamut::algorithms {
namespace {

std::vector<double> scored_rewards(const Group& group) {
  GAMUT_CHECK(group.rewards.size() == group.scored.size(), group.rewards.size(), " rewards, ",
              group.scored.size(), " marks");
  std::vector<double> kept;
  for (size_t j = 0; j < group.rewards.size(); ++j)
    if (group.scored[j]) kept.push_back(group.rewards[j]);
  return kept;
}

// Sums run over sorted values, so that the result does not depend on the members' order.
double mean_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (double value : values) sum += value;
  return sum / double(values.size());
}

double std_of(std::vector<double> values, int64_t ddof) {
  const int64_t freedom = int64_t(values.size()) - ddof;
  if (freedom <= 0) return 0;
  const double mean = mean_of(values);
  for (double& value : values) value = (value - mean) * (value - mean);
  return std::sqrt(mean_of(values) * double(values.size()) / double(freedom));
}

bool all_equal(const std::vector<double>& values) {
  return values.size() < 2 ||
         std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
}

double divisor(double std, const AdvantageConfig& config) {
  return config.std_eps_form == "floor" ? std::max(std, config.std_eps) : std + config.std_eps;
}

}  // namespace

void AdvantageConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"group", "batch_std", "no_std"}),
          "divisor: the group's std, the whole batch's std, or 1");
  v.field("std_scope", std_scope, one_of({"auto", "group", "batch"}), "overrides where the std is taken");
  v.field("std_ddof", std_ddof, between(0, 1), "0: population std, 1: sample std");
  v.field("std_eps", std_eps, at_least(0), "keeps the division finite");
  v.field("std_eps_form", std_eps_form, one_of({"add", "floor"}), "std + eps, or max(std, eps)");
  v.field("clip", clip, above(0), "advantages are clipped to ±clip");
  v.field("zero", zero, one_of({"keep", "drop"}), "samples with advantage 0: keep or leave out of the update");
}

Credit assign_credit(const std::vector<Group>& groups, const AdvantageConfig& config) {
  std::vector<double> batch;
  for (const Group& group : groups)
    for (double reward : scored_rewards(group)) batch.push_back(reward);
  const bool batch_scope =
      config.std_scope == "auto" ? config.kind == "batch_std" : config.std_scope == "batch";
  const double batch_std = std_of(batch, config.std_ddof);

  Credit credit;
  double abs_sum = 0;
  for (const Group& group : groups) {
    const std::vector<double> rewards = scored_rewards(group);
    const bool flat = all_equal(rewards);
    credit.zero_std_groups += flat;
    const double mean = mean_of(rewards);
    const double std = batch_scope ? batch_std : std_of(rewards, config.std_ddof);
    const double scale = config.kind == "no_std" ? 1.0 : divisor(std, config);

    auto& advantages = credit.advantages.emplace_back(group.rewards.size(), 0.0);
    auto& trained = credit.trained.emplace_back(group.rewards.size(), uint8_t{0});
    for (size_t j = 0; j < group.rewards.size(); ++j) {
      if (!group.scored[j]) continue;
      // A flat group has no signal: exactly 0, whatever rounding left in r - mean or scale = 0 would give.
      const double raw = flat ? 0.0 : (group.rewards[j] - mean) / scale;
      advantages[j] = std::clamp(raw, -config.clip, config.clip);
      trained[j] = advantages[j] != 0 || config.zero == "keep";
      abs_sum += std::abs(advantages[j]);
    }
  }
  credit.advantage_abs_mean = batch.empty() ? 0 : abs_sum / double(batch.size());
  return credit;
}

}  // namespace gamut::algorithms
