// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/run_rows.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/run/protocol.h"
#include "gamut/run/run_identity.h"
#include "gamut/run/train_recipe.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

std::vector<nlohmann::json> lines_of(const fs::path& path) {
  const std::string text = io::read_text(path);
  if (!text.empty() && text.back() != '\n')
    log_warning(cat(path.string(), " ends in a half-written line, which is left out"));
  return io::read_json_lines(path);
}

bool is_step(const nlohmann::json& row) {
  return row.is_object() && row.contains("step") && row["step"].is_number_integer() && row["step"] >= 0;
}

constexpr std::array<std::string_view, 8> kNoMeasures{"step",       "seed",    "prompts",       "members",
                                                      "eval_steps", "seconds", "train_seconds", "eval_seed"};

// The measures of one row into the run, by role; rows of other weights stay out.
void add_measures(const nlohmann::json& row, const std::string& weights, RunRows& run) {
  const eval::EvalPass pass = eval::pass_of(row);
  const bool base = row["step"] == 0 && pass.weights == "ema";
  if (pass.weights != weights && !base) return;
  if (weights != "ema" && (pass.role != "select" || pass.set != "prompts")) return;
  auto& measures = (pass.role == "report" ? run.report : run.select)[row["step"].get<int64_t>()];
  const std::string prefix = pass.set == "prompts" ? "" : pass.set + ".";
  for (const auto& [key, value] : row.items())
    if (value.is_number() && !eval::is_unscored(row, key) &&
        std::find(kNoMeasures.begin(), kNoMeasures.end(), key) == kNoMeasures.end())
      measures[prefix + eval::present_key(key)] = value.get<double>();
}

// What a row itself says about how it was made.
void add_row_settings(const nlohmann::json& row, const std::vector<std::string>& keys, RunRows& run) {
  const eval::EvalPass pass = eval::pass_of(row);
  const std::string prefix = pass.set == "heldout"   ? "held-out "
                             : pass.role == "report" ? "report "
                                                     : "evaluation ";
  for (const std::string& key : keys)
    if (row.contains(key) && row[key].is_number()) run.settings[prefix + key] = row[key].dump();
}

void add_recipe(const fs::path& config, RunRows& run) {
  const TrainRecipe recipe = load_train_recipe(config, {});
  run.seed = recipe.train.seed;
  for (const ResolvedField& field : recipe.resolved.fields) run.recipe[field.key] = field.toml;
  run.protocol = protocol_of(recipe.resolved);
  run.settings["model"] = recipe.train.model;
  run.settings["evaluation prompt set"] = recipe.eval_prompts().string();
  for (const char* key :
       {"eval.features", "eval.features_model", "eval.guidance_scale", "judge.kind", "reward.kind"})
    run.settings[key] = run.recipe[key];
}

RunRows read_folder(const fs::path& folder, const std::string& weights) {
  if (!fs::exists(folder / "evals.jsonl") || !fs::exists(folder / "config.toml"))
    throw DataError("frontier", cat("'", folder.string(),
                                    "' is not a run folder; expected evals.jsonl and config.toml in it"));
  RunRows run;
  run.origin = folder.string();
  add_recipe(folder / "config.toml", run);
  run.group = recipe_name(folder, run.seed);
  for (const nlohmann::json& row : lines_of(folder / "evals.jsonl"))
    if (is_step(row)) {
      add_measures(row, weights, run);
      add_row_settings(row, {"prompts", "members", "eval_steps", "seed"}, run);
    }
  if (run.select.empty())
    throw DataError("frontier", cat("the run '", folder.string(), "' holds no evaluation yet"));
  run.seconds = training_seconds(folder / "metrics.jsonl");
  return run;
}

std::vector<RunRows> read_collected(const fs::path& path, const std::string& weights) {
  std::vector<RunRows> runs;
  std::map<std::pair<std::string, int64_t>, size_t> places;
  for (const nlohmann::json& row : lines_of(path)) {
    if (!is_step(row) || !row.contains("recipe") || !row["recipe"].is_string() || !row.contains("seed") ||
        !row["seed"].is_number_integer())
      throw DataError("frontier", cat("'", path.string(), "' must hold rows with recipe, seed and step; got ",
                                      io::brief(row)));
    const std::pair key(row["recipe"].get<std::string>(), row["seed"].get<int64_t>());
    const auto [place, is_new] = places.emplace(key, runs.size());
    if (is_new) {
      runs.emplace_back();
      runs.back().origin = cat(path.string(), ": ", key.first, " seed ", key.second);
      runs.back().group = printable(key.first);  // it stands in tables
      runs.back().seed = key.second;
    }
    RunRows& run = runs[place->second];
    add_measures(row, weights, run);
    add_row_settings(row, {"prompts", "members", "eval_steps", "eval_seed"}, run);
    if (row.contains("protocol") && row["protocol"].is_string())
      run.protocol = row["protocol"].get<std::string>();
    if (row.contains("train_seconds") && row["train_seconds"].is_number())
      run.seconds[row["step"].get<int64_t>()] = row["train_seconds"].get<double>();
  }
  if (runs.empty()) throw DataError("frontier", cat("'", path.string(), "' holds no row"));
  return runs;
}

}  // namespace

std::map<int64_t, double> training_seconds(const fs::path& metrics) {
  std::map<int64_t, double> seconds{{0, 0.0}};
  if (!fs::exists(metrics)) return seconds;
  double total = 0;
  for (const nlohmann::json& row : lines_of(metrics)) {
    if (!is_step(row) || !row.contains("seconds_total") || !row["seconds_total"].is_number()) continue;
    total += row["seconds_total"].get<double>();
    seconds[row["step"].get<int64_t>()] = total;
  }
  return seconds;
}

std::vector<RunRows> read_run_rows(const fs::path& path, const std::string& weights) {
  if (fs::is_directory(path)) return {read_folder(path, weights)};
  if (!fs::exists(path)) throw EnvironmentError("frontier", cat("there is no run '", path.string(), "'"));
  return read_collected(path, weights);
}

}  // namespace gamut::run
