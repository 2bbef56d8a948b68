// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/report_pictures.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/data/glyphs.h"
#include "gamut/diversity/pixels.h"
#include "gamut/io/atlas.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace gamut::eval {
namespace {

constexpr double kSheetBytes = 6e6, kGroupBytes = 1.5e6;
// A drawn picture's PNG takes about 0.7 of its raw bytes, and base64 four bytes for three.
constexpr double kBytesPerRaw = 0.93;
constexpr int64_t kFewPictures = 24;  // a sheet with fewer says little: rather fewer checkpoints

std::string hex(const diversity::Rgb& rgb) {
  char text[8];
  const auto byte = [](double value) { return unsigned(std::lround(255 * std::clamp(value, 0.0, 1.0))); };
  std::snprintf(text, sizeof text, "%02x%02x%02x", byte(rgb[0]), byte(rgb[1]), byte(rgb[2]));
  return text;
}

diversity::Rgb unit(const std::array<uint8_t, 3>& rgb) { return {rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0}; }

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
  budget.members =
      std::clamp<int64_t>(int64_t(pictures / double(budget.prompts)), 1, std::min<int64_t>(8, counts.members));
  const double groups = kGroupBytes / double(std::max<int64_t>(counts.runs, 3)) / (bytes * double(counts.group_members));
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

std::string palette_of(std::span<const io::Image> pictures, size_t count) {
  std::string colors;
  for (const size_t i : spread(pictures.size(), count)) {
    const diversity::InkAndGround found = diversity::split_colors(io::shrunk(pictures[i], 64));
    colors += hex(found.ink) + hex(found.ground);
  }
  return colors;
}

std::string glyph_palette(size_t count) try {
  const data::GlyphRenderer renderer;
  std::string colors;
  for (size_t i = 0; i < count; ++i) {
    Stream stream(0, "report.palette", {int64_t(i)});
    const data::GlyphSpec spec = renderer.draw(stream);
    colors += hex(unit(spec.ink_rgb)) + hex(unit(spec.ground_rgb));
  }
  return colors;
} catch (const EnvironmentError&) {
  return "";
}

}  // namespace gamut::eval
