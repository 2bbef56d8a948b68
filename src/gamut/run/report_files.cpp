// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/report_files.h"

#include "gamut/core/error.h"
#include "gamut/eval/curve_sampler.h"
#include "gamut/eval/evaluate.h"
#include "gamut/eval/report_pictures.h"
#include "gamut/io/atlas.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/io/safetensors.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMostCounted = 1e9;

// Visits the complete rows that are objects with an integer step; a missing file has none.
void visit_rows(const fs::path& path, const std::function<void(int64_t, json&&)>& visit) {
  if (!fs::exists(path)) return;
  io::visit_json_lines(path, [&](json&& row) {
    const auto step = row.is_object() ? row.find("step") : row.end();
    if (!row.is_object() || step == row.end() || !step->is_number_integer())
      throw DataError("report", cat(path.string(), " must hold objects with an integer 'step'"));
    visit(step->get<int64_t>(), std::move(row));
  });
}

std::map<std::string, double> numbers_of(const json& row) {
  std::map<std::string, double> values;
  for (const auto& [key, value] : row.items())
    if (value.is_number() && key != "step" && !eval::is_unscored(row, key))
      values[eval::present_key(key)] = value.get<double>();
  return values;
}

std::string text_of(const json& row, const char* key, const std::string& fallback) {
  const auto found = row.find(key);
  return found != row.end() && found->is_string() ? found->get<std::string>() : fallback;
}

std::vector<double> list_of(const json& row, const char* key) {
  std::vector<double> values;
  const auto found = row.find(key);
  if (found == row.end() || !found->is_array()) return values;
  for (const json& value : *found) values.push_back(value.is_number() ? value.get<double>() : kNaN);
  return values;
}

std::vector<int64_t> integers_of(const json& row, const char* key) {
  std::vector<int64_t> values;
  for (const double value : list_of(row, key))
    values.push_back(std::abs(value) <= kMostCounted ? int64_t(value) : -1);
  return values;
}

int64_t columns_of(const json& row) {
  constexpr int64_t kUsual = 8, kMost = 1024;
  const auto found = row.find("columns");
  const bool given = found != row.end() && found->is_number_integer() && *found >= 1 && *found <= kMost;
  return given ? found->get<int64_t>() : kUsual;
}

// Cuts the stored atlas apart, so that its pictures can be made smaller one by one.
std::vector<io::Image> cut(const io::Image& atlas, size_t members, int64_t columns) {
  const int64_t rows = (int64_t(members) + columns - 1) / columns;
  const int64_t width = atlas.width / columns, height = atlas.height / std::max<int64_t>(rows, 1);
  std::vector<io::Image> pictures;
  for (size_t m = 0; m < members && width > 0 && height > 0; ++m) {
    io::Image& picture = pictures.emplace_back(io::Image::filled(width, height, 0, 0, 0));
    const int64_t left = int64_t(m) % columns * width, top = int64_t(m) / columns * height;
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(atlas.at(left, top + y), size_t(width) * 3, picture.at(0, y));
  }
  return pictures;
}

eval::ReportGroup group_of(const fs::path& folder, const json& row, int64_t side) {
  eval::ReportGroup group{.step = row.at("step").get<int64_t>(), .prompt = text_of(row, "prompt", "")};
  group.reward = list_of(row, "reward");
  group.bonus = list_of(row, "bonus");
  group.diversity = list_of(row, "diversity");
  group.shaped = list_of(row, "shaped");
  group.advantage = list_of(row, "advantage");
  group.cluster = integers_of(row, "cluster");
  group.kept = integers_of(row, "kept");
  group.columns = columns_of(row);
  // A file name from the row must not lead out of the run.
  const fs::path file = folder / "groups" / fs::path(text_of(row, "file", "")).filename();
  if (!fs::is_regular_file(file)) return group;
  std::vector<io::Image> pictures = cut(io::load_png(file), group.reward.size(), group.columns);
  if (pictures.empty()) return group;
  for (io::Image& picture : pictures) picture = io::shrunk(picture, side);
  group.width = pictures.front().width;
  group.height = pictures.front().height;
  group.picture = io::png_data_uri(io::atlas(pictures, group.columns));
  return group;
}

}  // namespace

void read_curves(const fs::path& folder, int64_t points, eval::ReportRun& run) {
  eval::CurveSampler sampler(points);
  double seconds = 0;
  std::map<int64_t, double> seconds_at;
  visit_rows(folder / "metrics.jsonl", [&](int64_t step, json&& row) {
    const std::map<std::string, double> values = numbers_of(row);
    const auto spent = values.find("seconds_total");
    if (spent != values.end()) seconds += spent->second;
    sampler.add(step, seconds, values);
    run.steps_done = step;
    seconds_at[step] = seconds;
  });
  run.curves = sampler.curves();
  for (eval::ReportEvaluation& row : run.evaluations)
    row.seconds = seconds_at.contains(row.step) ? seconds_at[row.step] : row.step == 0 ? 0 : kNaN;
}

void read_evaluations(const fs::path& folder, eval::ReportRun& run) {
  visit_rows(folder / "evals.jsonl", [&](int64_t step, json&& row) {
    eval::ReportEvaluation& evaluation = run.evaluations.emplace_back();
    evaluation.step = step;
    evaluation.role = text_of(row, "role", "select");
    evaluation.weights = text_of(row, "weights", "ema");
    evaluation.set = text_of(row, "set", "prompts");
    evaluation.values = numbers_of(row);
    for (const char* who : {"reward", "judge"})
      if (const std::string why = text_of(row, (std::string(who) + "_failure").c_str(), ""); !why.empty())
        evaluation.reasons[who] = why;
  });
}

void read_groups(const fs::path& folder, size_t count, int64_t side, eval::ReportRun& run) {
  std::vector<json> rows;
  visit_rows(folder / "groups.jsonl", [&](int64_t, json&& row) { rows.push_back(std::move(row)); });
  for (const size_t i : eval::spread(rows.size(), count))
    run.groups.push_back(group_of(folder, rows[i], side));
}

std::vector<io::Image> read_samples(const fs::path& folder, int64_t step) {
  std::vector<io::Image> pictures;
  const fs::path path = folder / "samples" / (io::step_name(step) + ".safetensors");
  if (!fs::exists(path)) return pictures;
  const io::SafetensorsFile file = io::SafetensorsFile::open(path);
  const io::TensorEntry& entry = file.at("pictures");
  if (entry.dtype != io::Dtype::kU8 || entry.shape.size() != 4 || entry.shape[1] != 3 ||
      entry.begin == entry.end)
    throw DataError("report",
                    cat(path.string(), " must hold 'pictures' [B, 3, H, W] as bytes, one picture at least"));
  const auto* bytes = reinterpret_cast<const uint8_t*>(file.bytes(entry).data());
  const int64_t height = entry.shape[2], width = entry.shape[3], plane = height * width;
  for (int64_t b = 0; b < entry.shape[0]; ++b, bytes += 3 * plane) {
    io::Image& picture = pictures.emplace_back(io::Image::filled(width, height, 0, 0, 0));
    for (int64_t i = 0; i < plane; ++i)
      for (int64_t c = 0; c < 3; ++c) picture.pixels[size_t(3 * i + c)] = bytes[c * plane + i];
  }
  return pictures;
}

}  // namespace gamut::run
