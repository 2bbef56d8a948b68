// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/train_progress.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/io/files.h"
#include "gamut/train/sparkline.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace gamut::run {
namespace {

constexpr int64_t kEvery = 10;     // iterations between two plain lines
constexpr size_t kSparkline = 16;  // characters

// Three digits, of numbers whose size is not known beforehand.
std::string significant(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

}  // namespace

TrainProgress::TrainProgress(int64_t done, int64_t total, const std::filesystem::path& metrics)
    : progress_(done, total) {
  if (done == 0 || !std::filesystem::exists(metrics)) return;
  for (const nlohmann::json& row : io::read_json_lines(metrics))
    if (row.is_object() && row.contains("group_distance") && row["group_distance"].is_number())
      variety_.push_back(row["group_distance"].get<double>());
}

void TrainProgress::show(const train::StepReport& report) {
  variety_.push_back(report.group_distance);
  const double rate = report.seconds_total > 0 ? double(report.images) / report.seconds_total : 0;
  const LogFields fields{{"event", "step"},
                         {"step", report.step},
                         {"reward", report.reward_mean},
                         {"group_distance", report.group_distance},
                         {"images_per_second", rate},
                         {"ratio_max_deviation", report.ratio_max_deviation},
                         {"grad_norm", report.grad_norm}};
  const std::string line = progress_.line(report.step);
  if (progress_is_live())
    return show_progress(cat(line, "  reward ", rounded(report.reward_mean), "  variety ",
                             train::sparkline(variety_, kSparkline), " ", rounded(report.group_distance),
                             "  ", rounded(rate, rate < 10 ? 1 : 0), " images/s"),
                         fields);
  if (report.step % kEvery != 0 && report.step != 1) return;
  const std::string exact = report.reward_exact ? cat(", exact ", rounded(*report.reward_exact)) : "";
  log_info(cat(line, "   reward ", rounded(report.reward_mean), exact, ", variety ",
               rounded(report.group_distance), ", ", rounded(rate, 1), " images/s, |ratio - 1| ",
               significant(report.ratio_max_deviation), ", grad ", significant(report.grad_norm)),
           fields);
}

}  // namespace gamut::run
