// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/plan_text.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

namespace gamut::cli {
namespace {

struct PlanFlags {
  std::string recipe, memory;
  std::vector<std::string> sets;
  bool json = false;
  int64_t ranks = 1;
};

nlohmann::ordered_json to_json(const run::TrainRecipe& recipe, const train::Plan& plan,
                               const train::RankPlan& rank, const std::vector<train::PlanVariant>& variants,
                               const std::optional<DeviceMemory>& memory, const train::Advice& advice) {
  nlohmann::ordered_json json{
      {"model", recipe.train.model}, {"device", recipe.train.device}, {"dtype", recipe.train.dtype}};
  json.update(plan.to_json());
  if (rank.ranks > 1) json["each_rank"] = rank.to_json();
  for (const train::PlanVariant& variant : variants)
    json["variants"][variant.change] = {{"sent_bytes_per_iteration", variant.rank.sent},
                                        {"needed_bytes", variant.rank.needed}};
  json["not_counted"] = not_counted(recipe);
  json["device_bytes"] = nullptr;
  json["fits"] = nullptr;
  if (memory) {
    json["device_bytes"] = memory->bytes;
    json["device_source"] = memory->source;
    json["fits"] = rank.needed <= memory->bytes;
  }
  json["try_alone"] = advice.alone;
  json["try_together"] = advice.together;
  return json;
}

int64_t evaluated_prompts(const run::TrainRecipe& recipe) {
  int64_t count = int64_t(text::load_prompts(recipe.eval_prompts()).size());
  if (!recipe.eval.heldout.empty()) count += int64_t(text::load_prompts(recipe.eval.heldout).size());
  return count;
}

int plan_recipe(const PlanFlags& flags) {
  const run::TrainRecipe recipe = run::load_train_recipe(flags.recipe, flags.sets);
  const std::optional<DeviceMemory> memory = flags.memory.empty()
                                                 ? device_memory(recipe.train.device)
                                                 : DeviceMemory{parse_size(flags.memory), "given"};
  const std::vector<text::Prompt> prompts = recipe.load_rollout_prompts();
  const train::PlanOptions options{
      .evaluation_micro_batch = recipe.eval.micro_batch > 0 ? recipe.eval.micro_batch : -1,
      .evaluation_guidance = recipe.eval.guidance_scale,
      .evaluated_prompts = evaluated_prompts(recipe)};
  const train::Plan plan = train::make_plan(recipe.train, prompts, options);
  const train::RankPlan rank = train::plan_of_rank(plan, flags.ranks, recipe.train.divides_state());
  std::vector<train::PlanVariant> variants;
  if (flags.ranks > 1) variants = train::plan_variants(recipe.train, prompts, options, flags.ranks);
  train::Advice advice;
  if (memory && rank.needed > memory->bytes)
    advice = train::advise(recipe.train, prompts, options, memory->bytes, flags.ranks);
  if (flags.json)
    std::printf("%s\n", to_json(recipe, plan, rank, variants, memory, advice).dump(1).c_str());
  else
    std::printf("%s%s\n%s\n", plan_text(recipe, plan).c_str(),
                rank.ranks > 1 ? rank_text(rank, variants).c_str() : "",
                verdict_text(rank.needed, memory, advice).c_str());
  return 0;
}

}  // namespace

void add_plan_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* command = program.add_subcommand("plan", "what a recipe will cost, before anything is loaded");
  command->add_option("recipe", flags->recipe, "TOML recipe")->required();
  command->add_option("--set", flags->sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--device-memory", flags->memory, "plan for a device of this size, such as 24GiB");
  command->add_option("--ranks", flags->ranks, "plan for one of so many processes that train together")
      ->check(CLI::Range(int64_t{1}, int64_t{65536}));
  command->add_flag("--json", flags->json, "JSON on stdout");
  command->callback([flags, &chosen] { chosen = [flags] { return plan_recipe(*flags); }; });
}

}  // namespace gamut::cli
