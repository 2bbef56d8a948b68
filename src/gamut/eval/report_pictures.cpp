// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/report_pictures.h"

#include "gamut/core/error.h"
#include "gamut/io/atlas.h"

#include <algorithm>
#include <cmath>

namespace gamut::eval {
namespace {

constexpr double kSheetBytes = 6e6, kGroupBytes = 1.5e6;
// A drawn picture's PNG takes about 0.7 of its raw bytes, and base64 four bytes for three.
constexpr double kBytesPerRaw = 0.93;
constexpr int64_t kFewPictures = 24;  // a sheet with fewer says little: rather fewer checkpoints

}  // namespace

PictureBudget picture_budget(const PictureCounts& counts) {
  PictureBudget budget;
  const double shrink = std::max(1.0, double(std::max(counts.width, counts.height)) / double(budget.side));
  const double bytes = 3 * kBytesPerRaw * double(counts.width * counts.height) / (shrink * shrink);
  const double per_run = kSheetBytes / double(std::max<int64_t>(counts.runs, 3)) / bytes;  // pictures
  budget.checkpoints = std::clamp<int64_t>(counts.evaluations, 1, 9);
  while (budget.checkpoints > 2 && per_run / double(budget.checkpoints) < kFewPictures) --budget.checkpoints;
  const double pictures = per_run / double(budget.checkpoints);
  budget.prompts = std::clamp<int64_t>(int64_t(std::sqrt(pictures)), 1, std::min<int64_t>(8, counts.prompts));
  budget.members = std::clamp<int64_t>(int64_t(pictures / double(budget.prompts)), 1,
                                       std::min<int64_t>(8, counts.members));
  const double groups =
      kGroupBytes / double(std::max<int64_t>(counts.runs, 3)) / (bytes * double(counts.group_members));
  budget.groups = std::clamp<int64_t>(int64_t(groups), 1, 12);
  return budget;
}

std::vector<size_t> spread(size_t total, size_t count) {
  std::vector<size_t> places;
  if (total <= count)
    for (size_t i = 0; i < total; ++i) places.push_back(i);
  else if (count == 1)
    places.push_back(total - 1);
  else
    for (size_t i = 0; i < count; ++i) places.push_back(i * (total - 1) / (count - 1));
  return places;
}

ReportSheet make_sheet(int64_t step, std::span<const io::Image> pictures, int64_t members,
                       const PictureBudget& budget) {
  std::vector<io::Image> shown;
  for (const size_t prompt : spread(pictures.size() / size_t(members), size_t(budget.prompts)))
    for (int64_t m = 0; m < budget.members; ++m)
      shown.push_back(io::shrunk(pictures[prompt * size_t(members) + size_t(m)], budget.side));
  GAMUT_CHECK(!shown.empty(), "no pictures");
  return {.step = step,
          .picture = io::png_data_uri(io::atlas(shown, budget.members)),
          .columns = budget.members,
          .width = shown.front().width,
          .height = shown.front().height};
}

}  // namespace gamut::eval
