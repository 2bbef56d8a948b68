// SPDX-License-Identifier: Apache-2.0
// What the report page shows, as plain data: runs, their curves, evaluations, pictures, groups and settings,
// the matched comparison of the methods, and warnings. docs/report.md describes every view.
//
//   Report report{.runs = …}; complete(report);            // comparison and warnings from the runs' numbers
//   io::write_atomically("report.html", report_page(report));
#pragma once

#include "gamut/eval/frontier.h"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::eval {

// metrics.jsonl, thinned (CurveSampler). Numbers are NaN where a row lacks them.
struct ReportCurves {
  std::vector<int64_t> steps = {};
  std::vector<double> seconds = {};                        // training time until then
  std::map<std::string, std::vector<double>> values = {};  // "reward_mean" -> one number per step
};

// A row of evals.jsonl.
struct ReportEvaluation {
  int64_t step = 0;
  double seconds = 0;  // training time until then
  std::string role = "select", weights = "ema", set = "prompts";
  std::map<std::string, double> values = {};  // "color_spread" -> 0.21
  std::map<std::string, std::string> reasons =
      {};  // "judge" -> why it could not score the first of such pictures
};

// Pictures of one evaluation: one row per shown prompt, side by side in one PNG.
struct ReportSheet {
  int64_t step = 0;
  std::string picture = {};                    // data URI
  int64_t columns = 0, width = 0, height = 0;  // pictures per row; pixels of one
};

// Ink and ground of each of an evaluation's pictures: twelve hexadecimal digits a picture.
struct ReportPalette {
  int64_t step = 0;
  std::string colors = {};
};

// A row of groups.jsonl; arrays have one entry per member, NaN where it was not scored or kept.
struct ReportGroup {
  int64_t step = 0;
  std::string prompt = {}, picture = {};  // data URI of all members, row by row
  int64_t columns = 0, width = 0, height = 0;
  std::vector<double> reward = {}, bonus = {}, diversity = {}, shaped = {}, advantage = {};
  std::vector<int64_t> cluster = {}, kept = {};
};

struct ReportSetting {
  std::string key = {}, value = {}, origin = {};  // "shaping.beta", "0.7", "algorithm diverse_grpo"
};

struct ReportRun {
  std::string name = {}, recipe = {};  // "gamut-1"; runs of one recipe are one method
  int64_t seed = 0, iterations = 0, steps_done = 0;
  std::string command = {}, build = {};  // what repeats it; build.txt
  bool finished = false;
  ReportCurves curves;
  std::vector<ReportEvaluation> evaluations = {};
  std::vector<ReportSheet> sheets = {};
  std::vector<ReportPalette> palettes = {};
  std::vector<ReportGroup> groups = {};
  std::vector<ReportSetting> settings = {};
};

struct Warning {
  std::string rule = {}, run = {}, text = {};  // rule: an anchor of docs/report.md
};

struct Report {
  std::vector<ReportRun> runs = {};
  std::vector<std::string> sheet_prompts = {};  // labels of the sheets' rows
  std::string data_palette = {};                // as ReportPalette; "" = the data's colors are unknown
  std::string baseline = {};                    // "" = flow_grpo if it is there, else the first method
  std::string reason = {};                      // why runs cannot be compared; "" = they can
  bool live = false;                            // the page asks for new numbers while it is open
  int64_t refresh_seconds = 0;                  // the page loads itself anew; 0 = it does not
  // Filled by complete().
  std::vector<Comparison> comparisons =
      {};                                  // every measure of kVariety against the baseline, method by method
  std::vector<std::string> measures = {};  // of each comparison
  std::vector<Warning> warnings = {};
};

// Measures of variety that the page opens with, the first that every run has is the headline's.
extern const std::vector<std::string> kVariety;

// The evaluation rows that count for charts: role, averaged weights, the trained prompts.
std::vector<const ReportEvaluation*> rows_of(const ReportRun& run, const std::string& role);
// Checkpoints of a run as the frontier wants them. Without reporting rows the selecting ones report
// themselves.
Curve curve_of(const ReportRun& run, const std::string& x, const std::string& y);
// Runs by recipe.
std::vector<Method> methods_of(const Report& report, const std::string& x, const std::string& y);

// Baseline, comparisons and warnings.
void complete(Report& report);

nlohmann::ordered_json report_json(const Report& report);
// The whole page: template, scripts and data in one file.
std::string report_page(const Report& report);

}  // namespace gamut::eval
