// SPDX-License-Identifier: Apache-2.0
// What a run tells while it trains: a line that is drawn over again on a terminal, every tenth iteration
// elsewhere.
#pragma once

#include "gamut/train/progress.h"
#include "gamut/train/report.h"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gamut::run {

class TrainProgress {
 public:
  // Goes on from step `done`; the diversity so far is read from the rows of `metrics`, if that file exists.
  TrainProgress(int64_t done, int64_t total, const std::filesystem::path& metrics);
  void show(const train::StepReport& report);

 private:
  train::Progress progress_;
  std::vector<double> variety_;  // group_distance of each iteration
};

}  // namespace gamut::run
