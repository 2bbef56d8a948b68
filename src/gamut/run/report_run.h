// SPDX-License-Identifier: Apache-2.0
// Run folders as the report wants them. Reads only; a run that goes on, was killed mid-line or is empty is
// fine.
#pragma once

#include "gamut/eval/report.h"
#include "gamut/eval/report_pictures.h"
#include "gamut/io/image.h"
#include "gamut/run/train_recipe.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gamut::run {

// Reads the same runs again and again; pictures that were read stay in memory.
class RunReport {
 public:
  // ConfigError when a folder holds no config.toml or is named twice.
  explicit RunReport(std::vector<std::filesystem::path> folders, std::string baseline = "");
  eval::Report read();

 private:
  struct Stored {
    std::filesystem::path folder;
    TrainRecipe recipe;
    eval::ReportRun run;
  };
  Stored read_run(const std::filesystem::path& folder) const;
  static std::string why_incomparable(const std::vector<Stored>& all);
  static eval::PictureCounts count(const std::vector<Stored>& all, size_t prompts);
  const std::string& data_palette(const TrainRecipe& recipe);
  void add_pictures(Stored& stored, const eval::PictureBudget& budget);

  struct Pictures {
    eval::ReportSheet sheet;
    eval::ReportPalette palette;
  };
  std::vector<std::filesystem::path> folders_;
  std::string baseline_, data_palette_;
  bool has_data_palette_ = false;
  std::map<std::string, Pictures> pictures_;  // by folder, step and layout
};

}  // namespace gamut::run
