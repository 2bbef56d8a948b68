// SPDX-License-Identifier: Apache-2.0
// `gamut explain credit` and `gamut explain diversity`: one group, read as JSON from standard input, goes
// through the code that training and evaluation run.
#include "gamut/algorithms/credit.h"
#include "gamut/cli/commands.h"
#include "gamut/cli/group_input.h"
#include "gamut/core/error.h"
#include "gamut/diversity/measures.h"
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

struct GroupFlags {
  std::string recipe;
  std::vector<std::string> sets;
  bool json = false;
};

run::TrainRecipe recipe_of(const GroupFlags& flags) {
  return flags.recipe.empty() ? run::load_train_recipe(flags.sets)
                              : run::load_train_recipe(flags.recipe, flags.sets);
}

// DataError when the recipe reads what the group does not hold.
void check_holds(const algorithms::Group& group, const algorithms::Slots& slots) {
  if (group.distances_NN.defined()) return;
  const bool clustered = slots.shaping.kind == "cluster_bonus" && !group.clusters.empty();
  const bool shaping = slots.shaping.needs_distances() && !clustered;
  if (!shaping && !slots.advantage.needs_distances()) return;
  refuse_group(cat(
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
  if (given.size() != 1)
    refuse_group("expected exactly one of the keys 'features', 'distances' and 'kernel'");
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
