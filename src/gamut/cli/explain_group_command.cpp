// SPDX-License-Identifier: Apache-2.0
// `gamut explain credit` and `gamut explain diversity`: one group, read as JSON from standard input, goes
// through the code that training and evaluation run.
#include "gamut/algorithms/credit.h"
#include "gamut/cli/commands.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/measures.h"
#include "gamut/io/files.h"
#include "gamut/run/train_recipe.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

namespace gamut::cli {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kMaxBytes = size_t{64} << 20;
constexpr size_t kMaxMembers = 1024;  // clustering takes the cube of it

struct GroupFlags {
  std::string recipe;
  std::vector<std::string> sets;
  bool json = false;
};

[[noreturn]] void refuse(const std::string& message) { throw DataError("group", message); }

std::string read_input() {
  std::string text;
  char buffer[1 << 16];
  for (size_t got = 1; got > 0 && text.size() <= kMaxBytes;) {
    got = std::fread(buffer, 1, sizeof buffer, stdin);
    text.append(buffer, got);
  }
  if (text.size() > kMaxBytes)
    refuse(cat("standard input holds over ", kMaxBytes >> 20, " MiB; expected one group"));
  return text;
}

// The one object on standard input; `known` are its possible keys.
json read_group(const std::vector<std::string>& known) {
  json group = io::parse_json(read_input(), "standard input");
  if (!group.is_object()) refuse(cat("expected one JSON object on standard input; got ", group.type_name()));
  for (const auto& [key, value] : group.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = nearest_name(key, known);
    std::string all;
    for (const std::string& name : known) all += cat(all.empty() ? "" : ", ", name);
    refuse(cat("unknown key '", printable(key), "'; expected ", all,
               near.empty() ? "" : cat("; did you mean '", near, "'?")));
  }
  return group;
}

double number_at(const json& value, const std::string& place) {
  if (!value.is_number()) refuse(cat(place, " must be a number; got ", value.type_name()));
  const double number = value.get<double>();
  if (!std::isfinite(number)) refuse(cat(place, " must be finite; got ", number));
  return number;
}

// A list with one entry per member; `members` is 0 while their number is unknown.
const json& list_at(const json& group, const char* key, size_t members) {
  const json& list = group.at(key);
  if (!list.is_array()) refuse(cat("'", key, "' must be a list; got ", list.type_name()));
  if (list.empty()) refuse(cat("'", key, "' is empty; expected one entry per member"));
  if (list.size() > kMaxMembers)
    refuse(cat("'", key, "' has ", list.size(), " entries; expected at most ", kMaxMembers));
  if (members > 0 && list.size() != members)
    refuse(cat("'", key, "' has ", list.size(), " entries; expected ", members, ", one per member"));
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
      refuse(
          cat("'", key, "'[", labels.size(), "] must be an integer from 0; got ", printable(label.dump())));
    labels.push_back(label.get<int64_t>());
  }
  return labels;
}

// Rows of one width in double; undefined without the key.
at::Tensor matrix_at(const json& group, const char* key, size_t members) {
  if (!group.contains(key)) return {};
  const json& rows = list_at(group, key, members);
  std::vector<double> values;
  for (size_t j = 0; j < rows.size(); ++j) {
    const std::string place = cat("'", key, "'[", j, "]");
    if (!rows[j].is_array() || rows[j].empty())
      refuse(cat(place, " must be a list of numbers; got ",
                 rows[j].is_array() ? "an empty list" : rows[j].type_name()));
    if (rows[j].size() != rows[0].size())
      refuse(
          cat(place, " has ", rows[j].size(), " numbers; expected ", rows[0].size(), " as in the first row"));
    for (size_t k = 0; k < rows[j].size(); ++k)
      values.push_back(number_at(rows[j][k], cat(place, "[", k, "]")));
  }
  return at::tensor(values, at::kDouble).reshape({int64_t(rows.size()), -1});
}

run::TrainRecipe recipe_of(const GroupFlags& flags) {
  return flags.recipe.empty() ? run::load_train_recipe(flags.sets)
                              : run::load_train_recipe(flags.recipe, flags.sets);
}

algorithms::Group credit_group(const json& given) {
  if (!given.contains("rewards")) refuse("the key 'rewards' is missing; expected one number per member");
  algorithms::Group group{.rewards = numbers_at(given, "rewards")};
  const size_t members = group.rewards.size();
  group.scored.assign(members, 1);
  if (given.contains("features") && given.contains("distances"))
    refuse("both 'features' and 'distances' are given; expected one of them");
  const at::Tensor features = matrix_at(given, "features", members);
  const at::Tensor distances = matrix_at(given, "distances", members);
  if (features.defined()) group.distances_NN = diversity::cosine_distances(features);
  if (distances.defined()) group.distances_NN = diversity::checked_distances(distances);
  group.clusters = labels_at(given, "clusters", members);
  if (given.contains("prompt")) {
    if (!given.at("prompt").is_string())
      refuse(cat("'prompt' must be a string; got ", given.at("prompt").type_name()));
    group.prompt = given.at("prompt").get<std::string>();
  }
  return group;
}

// DataError when the recipe reads what the group does not hold.
void check_holds(const algorithms::Group& group, const algorithms::Slots& slots) {
  if (group.distances_NN.defined()) return;
  const bool clustered = slots.shaping.kind == "cluster_bonus" && !group.clusters.empty();
  const bool shaping = slots.shaping.needs_distances() && !clustered;
  if (!shaping && !slots.advantage.needs_distances()) return;
  refuse(cat(
      shaping ? "shaping.kind = " : "advantage.kind = ", shaping ? slots.shaping.kind : slots.advantage.kind,
      " needs distances; got none; give 'features' or 'distances'",
      shaping && slots.shaping.kind == "cluster_bonus" ? " or 'clusters'" : ""));
}

algorithms::GroupCredit credit_by(const run::TrainRecipe& recipe, const algorithms::Group& group) {
  const algorithms::Slots& slots = recipe.train.slots;
  check_holds(group, slots);
  algorithms::PromptStatistics statistics;
  const algorithms::CreditContext context{.seed = uint64_t(recipe.train.seed),
                                          .steps = slots.sampler.steps,
                                          .keep = slots.subset.keep,
                                          .statistics = &statistics};
  return algorithms::assign_credit({group}, {slots.subset, slots.shaping, slots.advantage}, context)
      .groups.front();
}

// NaN and the label -1 say that a member has no such number.
ordered_json json_of(const std::vector<double>& values) {
  ordered_json list = ordered_json::array();
  for (const double value : values) list.push_back(std::isnan(value) ? ordered_json() : ordered_json(value));
  return list;
}

ordered_json json_of(const std::vector<int64_t>& labels) {
  ordered_json list = ordered_json::array();
  for (const int64_t label : labels) list.push_back(label < 0 ? ordered_json() : ordered_json(label));
  return list;
}

std::string cell(const ordered_json& value) {
  char text[32];
  if (value.is_null()) return "-";
  if (value.is_number_integer()) return cat(value.get<int64_t>());
  std::snprintf(text, sizeof text, "%.6f", value.get<double>());
  return text;
}

void print_table(const ordered_json& credit, const std::vector<double>& rewards) {
  std::printf("member  reward      kept  cluster  diversity   bonus       shaped      advantage\n");
  const auto kept = credit.at("kept").get<std::vector<size_t>>();
  for (size_t j = 0; j < rewards.size(); ++j)
    std::printf("%6zu  %-10s  %-4s  %-7s  %-10s  %-10s  %-10s  %s\n", j, cell(rewards[j]).c_str(),
                std::find(kept.begin(), kept.end(), j) != kept.end() ? "yes" : "no",
                cell(credit.at("clusters")[j]).c_str(), cell(credit.at("diversity")[j]).c_str(),
                cell(credit.at("bonus")[j]).c_str(), cell(credit.at("shaped")[j]).c_str(),
                cell(credit.at("advantages")[j]).c_str());
}

int explain_credit(const GroupFlags& flags) {
  const run::TrainRecipe recipe = recipe_of(flags);
  const algorithms::Group group =
      credit_group(read_group({"rewards", "distances", "features", "clusters", "prompt"}));
  const algorithms::GroupCredit credit = credit_by(recipe, group);
  const ordered_json out{{"kept", credit.kept},
                         {"clusters", json_of(credit.clusters)},
                         {"diversity", json_of(credit.diversity)},
                         {"bonus", json_of(credit.bonus)},
                         {"shaped", json_of(credit.shaped)},
                         {"advantages", json_of(credit.advantages)}};
  if (flags.json)
    std::printf("%s\n", out.dump(1).c_str());
  else
    print_table(out, group.rewards);
  return 0;
}

int explain_diversity(const GroupFlags& flags) {
  const run::TrainRecipe recipe = recipe_of(flags);
  const json given = read_group({"features", "distances", "kernel"});
  if (given.size() != 1) refuse("expected exactly one of the keys 'features', 'distances' and 'kernel'");
  const ordered_json measures = diversity::describe_group({.features_ND = matrix_at(given, "features", 0),
                                                           .distances_NN = matrix_at(given, "distances", 0),
                                                           .kernel_NN = matrix_at(given, "kernel", 0)},
                                                          recipe.train.slots.shaping.spectral());
  if (flags.json) {
    std::printf("%s\n", measures.dump(1).c_str());
    return 0;
  }
  for (const auto& [name, value] : measures.items())
    std::printf("%-16s %s\n", name.c_str(), value.is_array() ? value.dump().c_str() : cell(value).c_str());
  return 0;
}

using Explain = int (*)(const GroupFlags&);

void add_explainer(CLI::App& explain, Action& chosen, const char* name, const char* help, Explain run) {
  auto flags = std::make_shared<GroupFlags>();
  CLI::App* command = explain.add_subcommand(name, help);
  command->add_option("recipe", flags->recipe, "TOML recipe; without one, every value is its algorithm's");
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_flag("--json", flags->json, "JSON on stdout");
  command->callback([flags, run, &chosen] { chosen = [flags, run] { return run(*flags); }; });
}

}  // namespace

void add_group_explainers(CLI::App& explain, Action& chosen) {
  add_explainer(explain, chosen, "credit",
                "from the rewards of one group (JSON on stdin) to its advantages, as a recipe assigns them",
                explain_credit);
  add_explainer(explain, chosen, "diversity", "every measure of one group (JSON on stdin)",
                explain_diversity);
}

}  // namespace gamut::cli
