// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/report_run.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/run/report_files.h"
#include "gamut/run/run_identity.h"
#include "gamut/tasks/tasks.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPaletteColors = 200;  // pictures per evaluation in the palette view

// What makes evaluations of two runs different questions; "" = they are comparable. A page also compares the
// rewards.
std::string differences(const TrainRecipe& one, const TrainRecipe& two) {
  std::string found = evaluation_differences(one, two);
  auto compare = [&](const char* what, const std::string& a, const std::string& b) {
    if (a != b) found += cat(found.empty() ? "" : ", ", what, " (", a, " and ", b, ")");
  };
  compare("reward.kind", one.reward.kind, two.reward.kind);
  compare("eval.features", one.eval.features.kind, two.eval.features.kind);
  return found;
}

// Where each value of a stored config.toml came from when the run began: its comments "# from …", by full
// key.
std::map<std::string, std::string> stored_origins(const fs::path& config) {
  std::map<std::string, std::string> origins;
  std::istringstream lines(io::read_text(config));
  std::string line, table;
  while (std::getline(lines, line)) {
    if (line.starts_with('[')) table = line.substr(1, line.find(']') - 1) + ".";
    const size_t equal = line.find(" = "), comment = line.rfind("  # ");
    if (equal == std::string::npos || comment == std::string::npos || comment < equal) continue;
    const std::string origin = line.substr(comment + 4);
    origins[table + line.substr(0, equal)] = origin.starts_with("from ") ? origin.substr(5) : origin;
  }
  return origins;
}

std::vector<eval::ReportSetting> settings_of(const fs::path& folder, const TrainRecipe& recipe) {
  const std::map<std::string, std::string> origins = stored_origins(folder / "config.toml");
  std::vector<eval::ReportSetting> settings;
  for (const ResolvedField& field : recipe.resolved.fields) {
    const auto origin = origins.find(field.key);
    settings.push_back({field.key, field.toml, origin == origins.end() ? field.origin : origin->second});
  }
  return settings;
}

std::string text_or_nothing(const fs::path& path) {
  return fs::is_regular_file(path) ? io::read_text(path) : "";
}

std::vector<std::string> prompt_texts(const TrainRecipe& recipe) {
  std::vector<std::string> texts;
  if (!fs::exists(recipe.eval_prompts())) return texts;
  for (const text::Prompt& prompt : text::load_prompts(recipe.eval_prompts())) texts.push_back(prompt.text);
  return texts;
}

// Whose pictures a run draws; nullptr: no task's.
const tasks::Task* task_of(const TrainRecipe& recipe) {
  return fs::exists(recipe.eval_prompts()) ? tasks::task_of(text::load_prompts(recipe.eval_prompts()))
                                           : nullptr;
}

void check_baseline(const eval::Report& report) {
  std::string known;
  for (const eval::ReportRun& run : report.runs) {
    if (run.recipe == report.baseline) return;
    known += cat(known.empty() ? "" : ", ", run.recipe);
  }
  if (!report.baseline.empty())
    throw ConfigError("report", cat("--baseline names no recipe of these runs; got '", report.baseline,
                                    "'; expected one of ", known));
}

// Steps of the evaluations that charts use, in order.
std::vector<int64_t> evaluated_steps(const eval::ReportRun& run) {
  std::vector<int64_t> steps;
  for (const eval::ReportEvaluation* row : eval::rows_of(run, "select")) steps.push_back(row->step);
  return steps;
}

}  // namespace

RunReport::RunReport(std::vector<fs::path> folders, std::string baseline)
    : folders_(std::move(folders)), baseline_(std::move(baseline)) {
  std::set<fs::path> seen;
  for (const fs::path& folder : folders_) {
    if (!fs::is_regular_file(folder / "config.toml"))
      throw ConfigError("report", cat("'", folder.string(), "' is no run folder: it has no config.toml"));
    if (!seen.insert(fs::canonical(folder)).second)
      throw ConfigError("report", cat("the run '", folder.string(), "' is named twice"));
  }
}

RunReport::Stored RunReport::read_run(const fs::path& folder) const {
  Stored stored{.folder = folder, .recipe = load_train_recipe(folder / "config.toml", {}), .run = {}};
  eval::ReportRun& run = stored.run;
  run.name = run_name(folder);
  run.seed = stored.recipe.train.seed;
  run.recipe = recipe_name(folder, run.seed);
  run.iterations = stored.recipe.train.iterations;
  run.settings = settings_of(folder, stored.recipe);
  run.build = text_or_nothing(folder / "build.txt");
  run.command = text_or_nothing(folder / "command.txt");
  read_evaluations(folder, run);
  read_curves(folder, std::clamp<int64_t>(1200 / int64_t(folders_.size()), 40, 200), run);
  run.finished = run.steps_done >= run.iterations && !run.evaluations.empty() &&
                 run.evaluations.back().step == run.iterations;
  return stored;
}

void RunReport::add_pictures(Stored& stored, const eval::PictureBudget& budget) {
  const std::vector<int64_t> steps = evaluated_steps(stored.run);
  const tasks::Task* task = task_of(stored.recipe);
  for (const size_t i : eval::spread(steps.size(), size_t(budget.checkpoints))) {
    const std::string key = cat(stored.folder.string(), '\n', steps[i], '\n', budget.prompts, ' ',
                                budget.members, ' ', budget.side);
    auto found = pictures_.find(key);
    if (found == pictures_.end()) {
      const std::vector<io::Image> pictures = read_samples(stored.folder, steps[i]);
      const int64_t members = stored.recipe.eval.members;
      if (pictures.empty() || int64_t(pictures.size()) % members != 0) continue;
      found = pictures_
                  .emplace(key, Pictures{.sheet = eval::make_sheet(steps[i], pictures, members, budget),
                                         .palette = {steps[i],
                                                     task ? task->palette_of(pictures, kPaletteColors) : ""}})
                  .first;
    }
    stored.run.sheets.push_back(found->second.sheet);
    if (task) stored.run.palettes.push_back(found->second.palette);
  }
}

// The first run that answers another question than the first; "" = there is none.
std::string RunReport::why_incomparable(const std::vector<Stored>& all) {
  for (const Stored& stored : all) {
    const std::string differing = differences(all.front().recipe, stored.recipe);
    if (!differing.empty())
      return cat(all.front().run.name, " and ", stored.run.name, " differ in ", differing);
  }
  return "";
}

// How much there is to show, so that all of it fits the page.
eval::PictureCounts RunReport::count(const std::vector<Stored>& all, size_t prompts) {
  eval::PictureCounts counts{.runs = int64_t(all.size()), .prompts = std::max<int64_t>(1, int64_t(prompts))};
  for (const Stored& stored : all) {
    counts.evaluations = std::max(counts.evaluations, int64_t(evaluated_steps(stored.run).size()));
    counts.members = std::max(counts.members, stored.recipe.eval.members);
    counts.group_members = std::max({counts.group_members, stored.recipe.train.rollout.group_size,
                                     stored.recipe.train.slots.subset.candidates});
  }
  if (const std::vector<io::Image> pictures = read_samples(all.front().folder, 0); !pictures.empty()) {
    counts.width = pictures.front().width;
    counts.height = pictures.front().height;
  }
  return counts;
}

const std::string& RunReport::data_palette(const TrainRecipe& recipe) {
  const tasks::Task* task = has_data_palette_ ? nullptr : task_of(recipe);
  if (task) data_palette_ = task->data_palette(kPaletteColors);
  has_data_palette_ = true;
  return data_palette_;
}

eval::Report RunReport::read() {
  std::vector<Stored> all;
  for (const fs::path& folder : folders_) all.push_back(read_run(folder));
  const std::vector<std::string> prompts = prompt_texts(all.front().recipe);
  const eval::PictureBudget budget = eval::picture_budget(count(all, prompts.size()));

  eval::Report report;
  report.baseline = baseline_;
  report.reason = why_incomparable(all);
  for (const size_t i : eval::spread(prompts.size(), size_t(budget.prompts)))
    report.sheet_prompts.push_back(prompts[i]);
  report.data_palette = data_palette(all.front().recipe);
  for (Stored& stored : all) {
    add_pictures(stored, budget);
    read_groups(stored.folder, size_t(budget.groups), budget.side, stored.run);
    report.runs.push_back(std::move(stored.run));
  }
  check_baseline(report);
  eval::complete(report);
  return report;
}

}  // namespace gamut::run
