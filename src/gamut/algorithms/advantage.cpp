// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/advantage.h"

#include "gamut/algorithms/moments.h"
#include "gamut/core/error.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace gamut::algorithms {

void AdvantageConfig::fields(FieldVisitor& v) {
  v.field("kind", kind,
          one_of({"group", "batch_std", "no_std", "nearest_neighbour_weight", "running", "reward", "tmpo"}),
          "divisor: the group's std, the whole batch's std, or 1; 1 with GARDO's weights; DDPO's per-prompt "
          "buffer; reward: no baseline and no divisor, for weighted_matching; tmpo: the group's softmax of "
          "rewards "
          "against that of its log-probabilities");
  v.field("std_scope", std_scope, one_of({"auto", "group", "batch", "none"}),
          "overrides where the std is taken (no_std and running: as they say)");
  v.field("std_ddof", std_ddof, between(0, 1), "0: population std, 1: sample std");
  v.field("std_eps", std_eps, at_least(0), "keeps the division finite");
  v.field("std_eps_form", std_eps_form, one_of({"add", "floor"}), "std + eps, or max(std, eps)");
  v.field("std_source", std_source, one_of({"kept", "candidates"}),
          "with a subset: std of the kept members after shaping, or of all candidates before it");
  v.field("resolution", resolution, between(0, 1e6),
          "rewards of a group that differ by no more are equal, and the least std; 0 = as published");
  v.field("scale", scale, one_of({"reward", "log_odds"}),
          "log_odds: ln(r / (1 - r)) of rewards in [0, 1] in place of r, within 1e-4 of the ends, before "
          "anything is "
          "chosen, shaped or normalized: near 1 what is left to gain still tells pictures apart");
  v.field("target_beta", target_beta, above(0),
          "tmpo: of the target softmax(target_beta z), z the group's standardized rewards");
  v.field("buffer", buffer, between(1, 1e6), "running: newest rewards remembered per prompt");
  v.field("clip", clip, above(0), "advantages are clipped to ±clip (reward: not)");
  v.field("zero", zero, one_of({"keep", "drop"}),
          "samples with advantage 0: keep or leave out of the update");
}

PromptStatistics::Moments PromptStatistics::append(const std::string& prompt,
                                                   const std::vector<double>& rewards, int64_t buffer) {
  GAMUT_CHECK(buffer > 0, "buffer is ", buffer);
  std::vector<double>& newest = newest_[prompt];
  newest.insert(newest.end(), rewards.begin(), rewards.end());
  const int64_t beyond = int64_t(newest.size()) - buffer;
  if (beyond > 0) newest.erase(newest.begin(), newest.begin() + beyond);
  return {.mean = mean_of(newest), .std = std_of(newest), .count = int64_t(newest.size())};
}

nlohmann::json PromptStatistics::state() const { return newest_; }

void PromptStatistics::load_state(const nlohmann::json& state) {
  const auto refuse = [](const std::string& got) {
    throw DataError("statistics", cat("a prompt's running rewards must be a list of finite numbers; got ",
                                      got, "; resume from another checkpoint"));
  };
  if (!state.is_object()) refuse(state.type_name());
  std::map<std::string, std::vector<double>> read;
  for (const auto& [prompt, rewards] : state.items()) {
    if (!rewards.is_array()) refuse(rewards.type_name());
    for (const nlohmann::json& reward : rewards) {
      if (!reward.is_number() || !std::isfinite(reward.get<double>())) refuse(reward.type_name());
      read[prompt].push_back(reward.get<double>());
    }
  }
  newest_ = std::move(read);
}

}  // namespace gamut::algorithms
