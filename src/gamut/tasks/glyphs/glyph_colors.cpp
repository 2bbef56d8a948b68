// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/glyphs.h"

#include <algorithm>
#include <cmath>

namespace gamut::glyphs {

namespace {

using Triple = std::array<double, 3>;

// IEC 61966-2-1.
double linear_light(double channel) {
  return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
}

// CIE XYZ of linear sRGB primaries with white D65, one row per X, Y, Z.
constexpr double kToXyz[3][3] = {
    {0.4124564, 0.3575761, 0.1804375}, {0.2126729, 0.7151522, 0.0721750}, {0.0193339, 0.1191920, 0.9503041}};
constexpr Triple kWhite = {0.95047, 1.0, 1.08883};

Triple lab(const Triple& srgb) {
  Triple f;
  for (size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (size_t c = 0; c < 3; ++c) sum += kToXyz[row][c] * linear_light(srgb[c]);
    const double ratio = sum / kWhite[row];
    f[row] = ratio > 216.0 / 24389.0 ? std::cbrt(ratio) : (24389.0 / 27.0 * ratio + 16.0) / 116.0;
  }
  return {116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])};
}

std::vector<Triple> centers_in_lab() {
  std::vector<Triple> centers;
  for (const NamedColor& color : glyph_colors()) {
    centers.push_back(lab({color.center[0] / 255.0, color.center[1] / 255.0, color.center[2] / 255.0}));
  }
  return centers;
}

}  // namespace

const std::vector<NamedColor>& glyph_colors() {
  static const std::vector<NamedColor> colors = {
      {"black", {15, 15, 18}},        {"white", {246, 246, 246}},        {"gray", {130, 130, 130}},
      {"dark gray", {72, 72, 72}},    {"light gray", {188, 188, 188}},   {"red", {222, 38, 38}},
      {"dark red", {122, 16, 22}},    {"orange", {246, 138, 24}},        {"brown", {128, 78, 36}},
      {"yellow", {244, 220, 40}},     {"light yellow", {250, 243, 160}}, {"green", {40, 164, 60}},
      {"dark green", {14, 84, 36}},   {"light green", {150, 228, 140}},  {"cyan", {36, 198, 206}},
      {"dark cyan", {8, 106, 114}},   {"light cyan", {164, 238, 240}},   {"blue", {44, 88, 226}},
      {"dark blue", {16, 34, 126}},   {"light blue", {136, 186, 250}},   {"purple", {148, 60, 196}},
      {"dark purple", {92, 18, 104}}, {"light purple", {204, 164, 240}}, {"pink", {248, 124, 178}},
  };
  return colors;
}

int64_t nearest_color(const std::array<double, 3>& srgb) {
  static const std::vector<Triple> centers = centers_in_lab();
  const Triple wanted = lab(srgb);
  size_t best = 0;
  double best_distance = HUGE_VAL;
  for (size_t i = 0; i < centers.size(); ++i) {
    double distance = 0;
    for (size_t c = 0; c < 3; ++c) distance += (centers[i][c] - wanted[c]) * (centers[i][c] - wanted[c]);
    if (distance < best_distance) {
      best = i;
      best_distance = distance;
    }
  }
  return int64_t(best);
}

double luminance(const std::array<double, 3>& srgb) {
  return 0.2126 * linear_light(srgb[0]) + 0.7152 * linear_light(srgb[1]) + 0.0722 * linear_light(srgb[2]);
}

double contrast(const std::array<double, 3>& srgb_a, const std::array<double, 3>& srgb_b) {
  const double a = luminance(srgb_a), b = luminance(srgb_b);
  return (std::max(a, b) + 0.05) / (std::min(a, b) + 0.05);
}

}  // namespace gamut::glyphs
