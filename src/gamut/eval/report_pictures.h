// SPDX-License-Identifier: Apache-2.0
// Pictures for the report page: which ones, how small, so that the page stays below its size whatever the
// runs hold.
#pragma once

#include "gamut/eval/report.h"
#include "gamut/io/image.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gamut::eval {

struct PictureCounts {  // of the runs to show: the largest of each
  int64_t runs = 1, evaluations = 1, prompts = 1, members = 1, group_members = 1;
  int64_t width = 32, height = 32;
};

// The same for every run, so that they can be laid side by side.
struct PictureBudget {
  int64_t side = 64;                                  // pixels of a shown picture's longer side at most
  int64_t prompts = 1, members = 1, checkpoints = 1;  // of the sheets
  int64_t groups = 1;                                 // of the group browser, per run
};

// About 6 MB of sheets and 1.5 MB of groups in base64, over all runs.
PictureBudget picture_budget(const PictureCounts& counts);

// `count` of `total` positions, evenly spread, first and last among them.
std::vector<size_t> spread(size_t total, size_t count);

// From all pictures of an evaluation, prompt-major.
ReportSheet make_sheet(int64_t step, std::span<const io::Image> pictures, int64_t members,
                       const PictureBudget& budget);

}  // namespace gamut::eval
