// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/credit.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/core/error.h"
#include "gamut/diversity/measures.h"
#include "gamut/python/parts.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>

namespace gamut::python {
namespace {

using at::Tensor;
using MaybeTensor = std::optional<Tensor>;

algorithms::Slots slots_of(std::vector<std::string> first, const std::string& table,
                           const py::kwargs& keywords) {
  for (std::string& set : as_sets(table, keywords)) first.push_back(std::move(set));
  algorithms::Slots slots;
  bind(parse_recipe("", "keywords", first), slots);
  return slots;
}

const std::vector<double>& checked(const std::vector<double>& rewards) {
  for (size_t i = 0; i < rewards.size(); ++i)
    if (!std::isfinite(rewards[i]))
      throw DataError("credit", cat("rewards must be finite numbers; got ", rewards[i], " of member ", i,
                                    "; leave members out that have no reward"));
  return rewards;
}

Tensor distances_of(const MaybeTensor& features, const MaybeTensor& distances) {
  if (!features && !distances) return {};
  return diversity::check_group(
             {.features_ND = features.value_or(Tensor()), .distances_NN = distances.value_or(Tensor())})
      .distances_NN;
}

// E of each member, before beta; by given labels, or by clustering.
std::vector<double> cluster_bonus(const std::vector<int64_t>& labels, const MaybeTensor& features,
                                  const MaybeTensor& distances, const py::kwargs& keys) {
  const algorithms::Slots slots = slots_of({"shaping.kind=\"cluster_bonus\""}, "shaping", keys);
  const Tensor between = distances_of(features, distances);
  if (labels.empty() == !between.defined())
    throw DataError("credit", "the clusters are given by exactly one of labels, features and distances");
  const size_t members = labels.empty() ? size_t(between.size(0)) : labels.size();
  return algorithms::shape_rewards(std::vector<double>(members, 0), between, labels, slots.shaping, 0, 1,
                                   nullptr)
      .bonus;
}

// The shaped rewards of one group.
std::vector<double> pairwise_potential(const std::vector<double>& rewards, const MaybeTensor& features,
                                       const MaybeTensor& distances, int64_t steps, const py::kwargs& keys) {
  const algorithms::Slots slots = slots_of({"shaping.kind=\"pairwise_potential\""}, "shaping", keys);
  const Tensor between = distances_of(features, distances);
  if (!between.defined() || between.size(0) != int64_t(rewards.size()))
    throw DataError("credit",
                    cat("features or distances of all ", rewards.size(), " members must be given; got ",
                        between.defined() ? cat("those of ", between.size(0)) : "none"));
  return algorithms::shape_rewards(checked(rewards), between, {}, slots.shaping, 0, steps, nullptr).shaped;
}

std::vector<int64_t> subset(const std::vector<double>& rewards, int64_t keep, const std::string& kind,
                            int64_t seed, const py::kwargs& keys) {
  const algorithms::Slots slots =
      slots_of(as_sets("subset", py::dict(py::arg("kind") = kind)), "subset", keys);
  algorithms::check_subset(slots.subset);
  return algorithms::choose_subset(checked(rewards), slots.subset, keep, uint64_t(seed), {0, 0}).kept;
}

// One group per list; the same numbers as a training iteration's.
std::vector<std::vector<double>> advantages(const std::vector<std::vector<double>>& rewards,
                                            const std::vector<Tensor>& features, const std::string& kind,
                                            const py::kwargs& keys) {
  const algorithms::Slots slots =
      slots_of(as_sets("advantage", py::dict(py::arg("kind") = kind)), "advantage", keys);
  if (kind == "running")
    throw ConfigError("credit", "'running' keeps statistics over a run; choose another kind here");
  if (!features.empty() && features.size() != rewards.size())
    throw DataError("credit", cat("features must be one [n, d] per group; got ", features.size(), " for ",
                                  rewards.size()));
  std::vector<algorithms::Group> groups;
  for (size_t g = 0; g < rewards.size(); ++g)
    groups.push_back({.rewards = checked(rewards[g]),
                      .scored = std::vector<uint8_t>(rewards[g].size(), 1),
                      .distances_NN = features.empty() ? Tensor() : distances_of(features[g], std::nullopt)});
  const algorithms::Credit credit = algorithms::assign_credit(
      groups, {.subset = slots.subset, .shaping = slots.shaping, .advantage = slots.advantage}, {});
  std::vector<std::vector<double>> out;
  for (const algorithms::GroupCredit& group : credit.groups) out.push_back(group.advantages);
  return out;
}

}  // namespace

void add_credit(py::module_& module) {
  py::module_ part = module.def_submodule("credit");
  const auto none = py::none();
  part.def("cluster_bonus", &cluster_bonus, py::arg("labels") = std::vector<int64_t>(), py::kw_only(),
           py::arg("features") = none, py::arg("distances") = none);
  part.def("pairwise_potential", &pairwise_potential, py::arg("rewards"), py::kw_only(),
           py::arg("features") = none, py::arg("distances") = none, py::arg("steps") = 10);
  part.def("subset", &subset, py::arg("rewards"), py::arg("keep"), py::arg("kind") = "min_variance",
           py::kw_only(), py::arg("seed") = 0);
  part.def("advantages", &advantages, py::arg("rewards"), py::kw_only(),
           py::arg("features") = std::vector<Tensor>(), py::arg("kind") = "group");
}

}  // namespace gamut::python
