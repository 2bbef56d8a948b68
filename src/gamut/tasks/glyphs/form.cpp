// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/form.h"

#include "gamut/tasks/glyphs/ink.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace gamut::glyphs {
namespace {

constexpr double kLeastCoverage = 0.25;
constexpr double kTail = 0.02;  // a stray pixel is no edge of the glyph

struct Coverage {
  int64_t width = 0, height = 0;
  std::vector<double> share;  // row by row
  double at(int64_t x, int64_t y) const {
    const bool inside = x >= 0 && y >= 0 && x < width && y < height;
    return inside ? share[size_t(y * width + x)] : 0;
  }
};

Coverage coverage_of(const io::Image& image, const InkAndGround& colors) {
  double length = 0;
  for (size_t c = 0; c < 3; ++c) length += std::pow(colors.ink[c] - colors.ground[c], 2);
  Coverage out{.width = image.width, .height = image.height, .share = {}};
  for (const Rgb& pixel : diversity::all_pixels(image)) {
    double along = 0;
    for (size_t c = 0; c < 3; ++c)
      along += (pixel[c] - colors.ground[c]) * (colors.ink[c] - colors.ground[c]);
    const double share = std::clamp(along / length, 0.0, 1.0);
    out.share.push_back(share < kLeastCoverage ? 0 : share);
  }
  return out;
}

// Total variation by the gradient over 2x2 windows, which measures slanted edges as it does straight ones.
double boundary(const Coverage& ink) {
  double sum = 0;
  for (int64_t y = -1; y < ink.height; ++y)
    for (int64_t x = -1; x < ink.width; ++x) {
      const double a = ink.at(x, y), b = ink.at(x + 1, y), c = ink.at(x, y + 1), d = ink.at(x + 1, y + 1);
      sum += std::hypot((b + d - a - c) / 2, (c + d - a - b) / 2);
    }
  return sum;
}

// Where the running sum of `mass` passes the share of its total; positions 0 … size.
double position_of(const std::vector<double>& mass, double share) {
  double total = 0, before = 0;
  for (const double part : mass) total += part;
  for (size_t i = 0; i < mass.size(); ++i) {
    if (before + mass[i] >= share * total && mass[i] > 0)
      return double(i) + (share * total - before) / mass[i];
    before += mass[i];
  }
  return double(mass.size());
}

double deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / double(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean) / double(values.size());
  return std::sqrt(squares);
}

}  // namespace

std::optional<GlyphForm> form_of(const io::Image& image) {
  const InkAndGround colors = split_colors(image);
  if (colors.ink == colors.ground) return std::nullopt;
  const Coverage ink = coverage_of(image, colors);
  std::vector<double> rows(size_t(ink.height), 0.0), columns(size_t(ink.width), 0.0);
  double area = 0;
  for (int64_t y = 0; y < ink.height; ++y)
    for (int64_t x = 0; x < ink.width; ++x) {
      const double share = ink.at(x, y);
      rows[size_t(y)] += share;
      columns[size_t(x)] += share;
      area += share;
    }
  if (area == 0) return std::nullopt;
  const double top = position_of(rows, kTail), bottom = position_of(rows, 1 - kTail),
               left = position_of(columns, kTail), right = position_of(columns, 1 - kTail);
  return GlyphForm{.stroke = 2 * area / boundary(ink),
                   .height = bottom - top,
                   .x = (left + right - double(ink.width)) / 2,
                   .y = (top + bottom - double(ink.height)) / 2};
}

FormSpread form_spread(std::span<const io::Image> images) {
  std::vector<double> strokes, heights, across, down;
  for (const io::Image& image : images) {
    const std::optional<GlyphForm> form = form_of(image);
    if (!form) continue;
    strokes.push_back(form->stroke);
    heights.push_back(form->height);
    across.push_back(form->x);
    down.push_back(form->y);
  }
  return {.stroke = deviation(strokes),
          .height = deviation(heights),
          .place = std::hypot(deviation(across), deviation(down))};
}

}  // namespace gamut::glyphs
