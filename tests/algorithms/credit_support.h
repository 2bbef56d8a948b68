// SPDX-License-Identifier: Apache-2.0
// Groups and recipes for the tests of credit.
#pragma once

#include "gamut/algorithms/credit.h"
#include "gamut/core/random.h"
#include "gamut/diversity/distances.h"

#include <ATen/ATen.h>

#include <string_view>
#include <utility>
#include <vector>

namespace gamut::testing {

using algorithms::AdvantageConfig;
using algorithms::Credit;
using algorithms::CreditContext;
using algorithms::Group;
using algorithms::GroupCredit;

// The three slots that make credit, filled from TOML as a recipe fills them.
struct CreditRecipe {
  algorithms::SubsetConfig subset = {};
  algorithms::ShapingConfig shaping = {};
  AdvantageConfig advantage = {};
  void fields(FieldVisitor& v) {
    v.table("subset", subset, "");
    v.table("shaping", shaping, "");
    v.table("advantage", advantage, "");
  }
};

inline CreditRecipe recipe(std::string_view toml) {
  CreditRecipe out;
  bind(parse_recipe(toml, "test"), out);
  return out;
}

inline Credit credit(const std::vector<Group>& groups, const CreditRecipe& by,
                     const CreditContext& context = {}) {
  return assign_credit(groups, {by.subset, by.shaping, by.advantage}, context);
}
inline Credit credit(const std::vector<Group>& groups, std::string_view toml,
                     const CreditContext& context = {}) {
  return credit(groups, recipe(toml), context);
}
inline Credit credit(const std::vector<Group>& groups, const AdvantageConfig& advantage) {
  return credit(groups, CreditRecipe{.advantage = advantage});
}

inline std::vector<std::vector<double>> advantages(const Credit& credit) {
  std::vector<std::vector<double>> rows;
  for (const GroupCredit& group : credit.groups) rows.push_back(group.advantages);
  return rows;
}

inline Group group(std::vector<double> rewards) {
  const size_t count = rewards.size();
  return {.rewards = std::move(rewards), .scored = std::vector<uint8_t>(count, 1)};
}

inline Group with_clusters(std::vector<double> rewards, std::vector<int64_t> clusters) {
  Group out = group(std::move(rewards));
  out.clusters = std::move(clusters);
  return out;
}

inline at::Tensor random_features(Stream& stream, int64_t members, int64_t width) {
  std::vector<float> values(size_t(members * width));
  stream.fill_normal(values);
  return at::tensor(values).reshape({members, width}).to(at::kDouble);
}

inline Group random_group(Stream& stream, int64_t members, int64_t width = 4) {
  std::vector<double> rewards;
  for (int64_t j = 0; j < members; ++j) rewards.push_back(stream.uniform());
  Group out = group(std::move(rewards));
  out.distances_NN = diversity::cosine_distances(random_features(stream, members, width));
  return out;
}

}  // namespace gamut::testing
