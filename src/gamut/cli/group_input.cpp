// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/group_input.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/diversity/distances.h"
#include "gamut/io/files.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace gamut::cli {
namespace {

using nlohmann::json;

constexpr size_t kMaxBytes = size_t{64} << 20;
constexpr size_t kMaxMembers = 1024;  // clustering takes the cube of it

std::string read_input() {
  std::string text;
  char buffer[1 << 16];
  for (size_t got = 1; got > 0 && text.size() <= kMaxBytes;) {
    got = std::fread(buffer, 1, sizeof buffer, stdin);
    text.append(buffer, got);
  }
  if (text.size() > kMaxBytes)
    refuse_group(cat("standard input holds over ", kMaxBytes >> 20, " MiB; expected one group"));
  return text;
}

double number_at(const json& value, const std::string& place) {
  if (!value.is_number()) refuse_group(cat(place, " must be a number; got ", value.type_name()));
  const double number = value.get<double>();
  if (!std::isfinite(number)) refuse_group(cat(place, " must be finite; got ", number));
  return number;
}

// A list with one entry per member; `members` is 0 while their number is unknown.
const json& list_at(const json& group, const char* key, size_t members) {
  const json& list = group.at(key);
  if (!list.is_array()) refuse_group(cat("'", key, "' must be a list; got ", list.type_name()));
  if (list.empty()) refuse_group(cat("'", key, "' is empty; expected one entry per member"));
  if (list.size() > kMaxMembers)
    refuse_group(cat("'", key, "' has ", list.size(), " entries; expected at most ", kMaxMembers));
  if (members > 0 && list.size() != members)
    refuse_group(cat("'", key, "' has ", list.size(), " entries; expected ", members, ", one per member"));
  return list;
}

std::vector<double> numbers_at(const json& group, const char* key) {
  std::vector<double> numbers;
  const json& list = list_at(group, key, 0);
  for (size_t j = 0; j < list.size(); ++j) numbers.push_back(number_at(list[j], cat("'", key, "'[", j, "]")));
  return numbers;
}

std::vector<int64_t> labels_at(const json& group, const char* key, size_t members) {
  std::vector<int64_t> labels;
  if (!group.contains(key)) return labels;
  for (const json& label : list_at(group, key, members)) {
    if (!label.is_number_integer() || label.get<int64_t>() < 0)
      refuse_group(
          cat("'", key, "'[", labels.size(), "] must be an integer from 0; got ", printable(label.dump())));
    labels.push_back(label.get<int64_t>());
  }
  return labels;
}

}  // namespace

void refuse_group(const std::string& message) { throw DataError("group", message); }

json read_group(const std::vector<std::string>& known) {
  json group = io::parse_json(read_input(), "standard input");
  if (!group.is_object())
    refuse_group(cat("expected one JSON object on standard input; got ", group.type_name()));
  for (const auto& [key, value] : group.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = nearest_name(key, known);
    std::string all;
    for (const std::string& name : known) all += cat(all.empty() ? "" : ", ", name);
    refuse_group(cat("unknown key '", printable(key), "'; expected ", all,
                     near.empty() ? "" : cat("; did you mean '", near, "'?")));
  }
  return group;
}

at::Tensor matrix_at(const json& group, const char* key, size_t members) {
  if (!group.contains(key)) return {};
  const json& rows = list_at(group, key, members);
  std::vector<double> values;
  for (size_t j = 0; j < rows.size(); ++j) {
    const std::string place = cat("'", key, "'[", j, "]");
    if (!rows[j].is_array() || rows[j].empty())
      refuse_group(cat(place, " must be a list of numbers; got ",
                       rows[j].is_array() ? "an empty list" : rows[j].type_name()));
    if (rows[j].size() != rows[0].size())
      refuse_group(
          cat(place, " has ", rows[j].size(), " numbers; expected ", rows[0].size(), " as in the first row"));
    for (size_t k = 0; k < rows[j].size(); ++k)
      values.push_back(number_at(rows[j][k], cat(place, "[", k, "]")));
  }
  return at::tensor(values, at::kDouble).reshape({int64_t(rows.size()), -1});
}

algorithms::Group credit_group(const json& given) {
  if (!given.contains("rewards"))
    refuse_group("the key 'rewards' is missing; expected one number per member");
  algorithms::Group group{.rewards = numbers_at(given, "rewards")};
  const size_t members = group.rewards.size();
  group.scored.assign(members, 1);
  if (given.contains("features") && given.contains("distances"))
    refuse_group("both 'features' and 'distances' are given; expected one of them");
  const at::Tensor features = matrix_at(given, "features", members);
  const at::Tensor distances = matrix_at(given, "distances", members);
  if (features.defined()) group.distances_NN = diversity::cosine_distances(features);
  if (distances.defined()) group.distances_NN = diversity::checked_distances(distances);
  group.clusters = labels_at(given, "clusters", members);
  if (given.contains("prompt")) {
    if (!given.at("prompt").is_string())
      refuse_group(cat("'prompt' must be a string; got ", given.at("prompt").type_name()));
    group.prompt = given.at("prompt").get<std::string>();
  }
  return group;
}

}  // namespace gamut::cli
