// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/sweep_results.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/eval/evaluate.h"
#include "gamut/io/files.h"
#include "gamut/run/protocol.h"
#include "gamut/run/run_rows.h"
#include "gamut/run/sweep_process.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

std::string rows_of(const PlannedRun& run, const fs::path& folder) {
  const std::map<int64_t, double> seconds = training_seconds(folder / "metrics.jsonl");
  std::string text, protocol = protocol_of(run.resolved.resolved),
                    settings = method_settings(run.resolved.resolved);
  for (const json& evaluation : io::read_json_lines(folder / "evals.jsonl")) {
    if (!evaluation.is_object() || !evaluation.contains("step") || !evaluation["step"].is_number_integer())
      throw DataError("sweep",
                      cat((folder / "evals.jsonl").string(), " must hold objects with an integer 'step'"));
    const int64_t step = evaluation["step"].get<int64_t>();
    ordered_json row{{"recipe", run.method}, {"seed", run.seed}, {"step", step}, {"run", run.name}};
    row["train_seconds"] = seconds.contains(step) ? ordered_json(seconds.at(step)) : ordered_json();
    if (!protocol.empty()) row["protocol"] = std::exchange(protocol, "");  // once is enough
    if (!settings.empty()) row["settings"] = std::exchange(settings, "");
    for (const auto& [key, value] : evaluation.items())
      if (key != "step") row[key == "seed" ? "eval_seed" : key] = value;
    text += row.dump() + "\n";
  }
  return text;
}

bool reached_the_end(const std::vector<json>& rows, const PlannedRun& run) {
  return std::ranges::any_of(rows, [&](const json& row) {
    return row.contains("step") && row["step"].is_number_integer() &&
           row["step"].get<int64_t>() >= run.resolved.train.iterations;
  });
}

void check_settings(const std::vector<json>& rows, const PlannedRun& run, const std::string& file) {
  const auto said = std::ranges::find_if(
      rows, [](const json& row) { return row.contains("settings") && row["settings"].is_string(); });
  if (said == rows.end())
    throw ConfigError("sweep", cat(file, " does not say with which settings '", run.name,
                                   "' was trained; leave it out of `ended`, or collect its rows anew"));
  const std::string others =
      differing(said->at("settings").get<std::string>(), method_settings(run.resolved.resolved));
  if (!others.empty())
    throw ConfigError("sweep", cat("'", run.name, "' of ", file,
                                   " was trained with other settings than "
                                   "this sweep asks for: ",
                                   others));
}

eval::MethodRow method_row(const json& row, const std::string& place) {
  const bool complete = row.is_object() && row.contains("recipe") && row["recipe"].is_string() &&
                        row.contains("seed") && row["seed"].is_number_integer() && row.contains("step") &&
                        row["step"].is_number_integer();
  if (!complete)
    throw DataError("sweep", cat(place, " must have the string 'recipe' and the integers 'seed', 'step'"));
  eval::MethodRow out{
      .method = printable(row["recipe"].get<std::string>()), .seed = row["seed"], .step = row["step"]};
  for (const auto& [key, value] : row.items())
    if (value.is_number() && !eval::is_unscored(row, key))
      out.measures[eval::present_key(key)] = value.get<double>();
  if (out.measures.contains("train_seconds")) out.seconds = out.measures["train_seconds"];
  return out;
}

// The protocols of all runs, and how each kind of evaluation was made.
class Protocols {
 public:
  void add(const eval::MethodRow& row, const json& line, const std::string& kind) {
    const std::string run = cat(row.method, " seed ", row.seed);
    auto& known = runs_.try_emplace(run, "").first->second;
    if (line.contains("protocol") && line["protocol"].is_string())
      known = line["protocol"].get<std::string>();
    for (const char* key : {"prompts", "members", "eval_steps", "eval_seed"})
      if (line.contains(key) && line[key].is_number()) add_setting(kind + " " + key, run, line[key].dump());
  }
  void check() const {
    std::vector<RunProtocol> all;
    for (const auto& [run, protocol] : runs_) all.push_back({run, protocol});
    check_one_protocol("sweep", all);
  }

 private:
  // What a row says itself; rows of earlier versions say less.
  void add_setting(const std::string& setting, const std::string& run, const std::string& value) {
    const auto& [first, known] = settings_.try_emplace(setting, run, value).first->second;
    if (known == value) return;
    throw ConfigError("sweep", cat("one table holds runs of one protocol; '", first, "' and '", run,
                                   "' differ in ", setting, " (", known, " and ", value, ")"));
  }

  std::map<std::string, std::string> runs_;  // by name
  std::map<std::string, std::pair<std::string, std::string>>
      settings_;  // the first run that has one, its value
};

}  // namespace

EndedRuns read_ended(const std::vector<PlannedRun>& runs, const std::vector<std::string>& files) {
  EndedRuns ended;
  for (const std::string& file : files) {
    std::map<std::string, std::vector<json>> rows;
    for (json& row : io::read_json_lines(file))
      if (row.is_object() && row.contains("run") && row["run"].is_string())
        rows[row["run"].get<std::string>()].push_back(std::move(row));
    for (const PlannedRun& run : runs) {
      const auto found = rows.find(run.name);
      if (found == rows.end() || !reached_the_end(found->second, run)) continue;
      check_settings(found->second, run, file);
      std::string text;
      for (const json& row : found->second) text += row.dump() + "\n";
      if (!ended.try_emplace(run.name, std::move(text)).second)
        throw DataError("sweep", cat(file, " holds '", run.name, "' once more; leave it in one of `ended`"));
    }
  }
  return ended;
}

std::vector<fs::path> collect_results(const std::vector<PlannedRun>& runs, const fs::path& folder,
                                      const EndedRuns& ended) {
  std::string text;
  std::vector<fs::path> complete;
  for (const PlannedRun& run : runs) {
    const fs::path at = folder / run.name;
    if (const auto rows = ended.find(run.name); rows != ended.end()) {
      text += rows->second;
    } else if (state_of(run, at) == RunState::kComplete) {
      complete.push_back(at);
      text += rows_of(run, at);
    }
  }
  if (text.empty()) return complete;
  fs::create_directories(folder);  // runs that ended elsewhere made none here
  io::write_atomically(folder / "results.jsonl", text);
  return complete;
}

std::vector<eval::MethodRow> read_results(const fs::path& file) {
  using Place = std::tuple<std::string, int64_t, int64_t>;  // method, seed, step
  auto place_of = [](const eval::MethodRow& row) { return Place(row.method, row.seed, row.step); };
  std::vector<eval::MethodRow> rows;
  std::map<Place, std::map<std::string, double>> reported, heldout;
  Protocols protocols;
  size_t number = 0;
  for (const json& line : io::read_json_lines(file)) {
    eval::MethodRow row = method_row(line, cat(file.string(), " (line ", ++number, ")"));
    const eval::EvalPass pass = eval::pass_of(line);
    if (pass.weights != "ema") continue;
    protocols.add(row, line, pass.role + " " + pass.set);
    if (pass.set == "heldout")
      for (const auto& [key, value] : row.measures) heldout[place_of(row)]["heldout." + key] = value;
    else if (pass.role == "report")
      reported[place_of(row)] = row.measures;
    else
      rows.push_back(std::move(row));
  }
  if (rows.empty()) throw DataError("sweep", cat("'", file.string(), "' holds no evaluation"));
  protocols.check();
  for (eval::MethodRow& row : rows) {
    row.reported = reported[place_of(row)];
    row.measures.merge(heldout[place_of(row)]);
  }
  return rows;
}

}  // namespace gamut::run
