// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/pretrain_recipe.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/diffusion/noise_process.h"
#include "gamut/models/families/family.h"
#include "gamut/run/run_argument.h"
#include "gamut/run/train_recipe.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

struct ExplainFlags {
  std::string recipe, key;
  std::vector<std::string> sets;
  bool json = false;
};

nlohmann::ordered_json flow_row(const diffusion::Step& s) {
  return {{"index", s.index}, {"sigma", s.sigma}, {"sigma_next", s.sigma_next}, {"dt", s.dt},
          {"a", s.a},         {"b", s.b},         {"noise_std", s.noise_std}};
}

nlohmann::ordered_json ddim_row(const diffusion::Step& s) {
  return {{"index", s.index},
          {"timestep", s.timestep},
          {"timestep_prev", s.timestep_prev},
          {"alpha_bar", s.alpha_bar},
          {"alpha_bar_prev", s.alpha_bar_prev},
          {"a", s.a},
          {"b", s.b},
          {"noise_std", s.noise_std}};
}

void print_flow(const diffusion::Step& s) {
  std::printf("%4lld  %.6f  %.6f  %+.6f  %+.6f  %+.6f  %.6f\n", static_cast<long long>(s.index), s.sigma,
              s.sigma_next, s.dt, s.a, s.b, s.noise_std);
}

void print_ddim(const diffusion::Step& s) {
  std::printf("%4lld  %8lld  %4lld  %.6f   %.6f        %+.6f  %+.6f  %.6f\n", static_cast<long long>(s.index),
              static_cast<long long>(s.timestep), static_cast<long long>(s.timestep_prev), s.alpha_bar,
              s.alpha_bar_prev, s.a, s.b, s.noise_std);
}

// What a model folder says of noise, as far as it is there: its scheduler, and where that depends on the
// size, its latents.
std::optional<diffusion::NoiseProcess> process_of_model(const train::TrainConfig& config) {
  const fs::path folder = config.model;
  if (!fs::is_regular_file(folder / "scheduler/scheduler_config.json")) return std::nullopt;
  if (!fs::is_regular_file(folder / "model_index.json"))
    return diffusion::NoiseProcess(models::load_scheduler_config(folder / "scheduler"), {},
                                   config.slots.sampler);
  const models::ModelFolder model(folder.string());
  const models::SchedulerConfig scheduler = models::scheduler_of(model);
  const bool by_size = scheduler.is_flow() && scheduler.use_dynamic_shifting;
  return diffusion::NoiseProcess(
      scheduler,
      by_size ? models::latent_spec(model).sized(config.rollout.height, config.rollout.width).shape()
              : std::vector<int64_t>(),
      config.slots.sampler);
}

// The steps of the first iteration: later ones differ in which steps have noise. A sampler for another kind
// of model than the recipe's is explained without it.
std::vector<diffusion::Step> explained_steps(const train::TrainConfig& config) {
  const diffusion::SamplerConfig& sampler = config.slots.sampler;
  const auto process = process_of_model(config);
  const bool fits = process && process->is_flow() != (sampler.kind == "ddim");
  const uint64_t seed = uint64_t(config.seed);
  const std::vector<diffusion::Step> schedule =
      fits ? process->iteration(seed, 0) : diffusion::iteration_schedule(sampler, seed, 0);
  if (sampler.noise_on == "all") return schedule;
  const algorithms::Needs needs = algorithms::make_objective(config.slots, seed)->needs();
  return algorithms::iteration_steps(config.slots, needs, schedule, seed, 0).schedule;
}

int explain_schedule(const ExplainFlags& flags) {
  const run::TrainRecipe recipe = run::load_train_recipe(flags.recipe, flags.sets);
  const diffusion::SamplerConfig& sampler = recipe.train.slots.sampler;
  const std::vector<diffusion::Step> steps = explained_steps(recipe.train);
  const bool ddim = sampler.kind == "ddim";
  if (flags.json) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const diffusion::Step& step : steps) rows.push_back(ddim ? ddim_row(step) : flow_row(step));
    // Doubles are dumped with as many digits as reading them back exactly needs.
    std::printf("%s\n", nlohmann::ordered_json{{"steps", rows}}.dump(1).c_str());
    return 0;
  }
  std::printf("%s\n", ddim
                          ? "step  timestep  prev  alpha_bar  alpha_bar_prev  a          b          noise_std"
                          : "step  sigma     next      dt         a          b          noise_std");
  for (const diffusion::Step& step : steps) (ddim ? print_ddim : print_flow)(step);
  return 0;
}

// ConfigError when no key begins with what was asked for.
void check_prefix(const std::string& prefix, const Resolved& resolved) {
  std::vector<std::string> keys;
  for (const ResolvedField& field : resolved.fields) {
    if (field.key.starts_with(prefix)) return;
    keys.push_back(field.key);
  }
  const std::string near = nearest_name(prefix, keys);
  throw ConfigError("config", cat("no key begins with '", printable(prefix), "'",
                                  near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

int explain_config(const ExplainFlags& flags) {
  const Recipe written = load_recipe(run::recipe_file(flags.recipe), flags.sets);
  const Resolved resolved = task_of(written).empty()
                                ? run::load_train_recipe(flags.recipe, flags.sets).resolved
                                : resolve_pretrain_recipe(written);
  check_prefix(flags.key, resolved);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const ResolvedField& field : resolved.fields) {
    if (!field.key.starts_with(flags.key)) continue;
    if (flags.json)
      rows.push_back({{"key", field.key},
                      {"value", field.toml},
                      {"origin", field.origin},
                      {"default", field.default_toml},
                      {"rule", field.rule},
                      {"help", field.help}});
    else
      std::printf("%s = %s   from %s   (%s%s%s)\n", field.key.c_str(), field.toml.c_str(),
                  field.origin.c_str(), field.rule.c_str(), field.rule.empty() ? "" : ", ",
                  field.help.c_str());
  }
  if (flags.json) std::printf("%s\n", rows.dump(1).c_str());
  return 0;
}

void add_flags(CLI::App* command, ExplainFlags& flags) {
  command->add_option("recipe", flags.recipe, "TOML recipe")->required();
  command->add_option("--set", flags.sets, "override one key: key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_flag("--json", flags.json, "JSON on stdout");
}

}  // namespace

void add_explain_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App* explain = program.add_subcommand("explain", "the numbers behind a recipe");
  explain->require_subcommand(1);
  CLI::App* schedule = explain->add_subcommand("schedule", "denoising steps: mean = a x + b out, noise_std");
  add_flags(schedule, *flags);
  schedule->callback([flags, &chosen] { chosen = [flags] { return explain_schedule(*flags); }; });
  CLI::App* config = explain->add_subcommand("config", "every value with where it came from");
  add_flags(config, *flags);
  config->add_option("key", flags->key, "only keys that begin with this");
  config->callback([flags, &chosen] { chosen = [flags] { return explain_config(*flags); }; });
  add_group_explainers(*explain, chosen);
}

}  // namespace gamut::cli
