// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/ink.h"

#include "gamut/core/error.h"
#include "gamut/tasks/glyphs/glyphs.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace gamut::glyphs {
namespace {

using diversity::all_pixels;
using diversity::mean_rgb;

// Bins: luminance limits are those of L* = 20, 53 and 88.
constexpr double kBlackBelow = 0.0299, kDarkBelow = 0.2104, kWhiteAbove = 0.7204;
constexpr double kGrayChroma = 0.14;  // largest minus smallest channel
struct Hue {
  const char* name;
  double below;  // degrees; red also takes what is left
};
constexpr Hue kHues[] = {{"red", 10},   {"orange", 42}, {"yellow", 72},  {"lime", 98}, {"green", 160},
                         {"cyan", 200}, {"blue", 250},  {"purple", 312}, {"pink", 345}};
constexpr size_t kHueCount = std::size(kHues);

bool is_border(const io::Image& image, size_t index) {
  const int64_t x = int64_t(index) % image.width, y = int64_t(index) / image.width;
  return x == 0 || y == 0 || x + 1 == image.width || y + 1 == image.height;
}

double squared_distance(const Rgb& a, const Rgb& b) {
  double sum = 0;
  for (size_t c = 0; c < 3; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

Rgb median(const std::vector<Rgb>& colors) {
  Rgb result;
  for (size_t c = 0; c < 3; ++c) {
    std::vector<double> values;
    for (const Rgb& color : colors) values.push_back(color[c]);
    std::nth_element(values.begin(), values.begin() + int64_t(values.size() / 2), values.end());
    result[c] = values[values.size() / 2];
  }
  return result;
}

// The share (at least one) of the colors that lies farthest from `from`.
std::vector<Rgb> farthest(std::vector<Rgb> colors, const Rgb& from, double share) {
  const size_t count = std::max<size_t>(1, size_t(share * double(colors.size())));
  std::nth_element(
      colors.begin(), colors.begin() + int64_t(count - 1), colors.end(),
      [&](const Rgb& a, const Rgb& b) { return squared_distance(a, from) > squared_distance(b, from); });
  colors.resize(count);
  return colors;
}

// Two-means; the centers move in place. Which pixel belongs to `second`; all false when one cluster empties.
std::vector<bool> two_means(const std::vector<Rgb>& pixels, Rgb first, Rgb second) {
  std::vector<bool> in_second(pixels.size(), false);
  for (int round = 0; round < 20; ++round) {
    std::vector<bool> now(pixels.size());
    std::vector<Rgb> parts[2];
    for (size_t i = 0; i < pixels.size(); ++i) {
      now[i] = squared_distance(pixels[i], second) < squared_distance(pixels[i], first);
      parts[now[i]].push_back(pixels[i]);
    }
    if (parts[0].empty() || parts[1].empty()) return std::vector<bool>(pixels.size(), false);
    const bool is_settled = round > 0 && now == in_second;
    in_second = std::move(now);
    if (is_settled) break;
    first = mean_rgb(parts[0]);
    second = mean_rgb(parts[1]);
  }
  return in_second;
}

}  // namespace

InkAndGround split_colors(const io::Image& image) {
  GAMUT_CHECK(image.width > 0 && image.height > 0, "an empty picture has no colors");
  const std::vector<Rgb> pixels = all_pixels(image);
  std::vector<Rgb> border;
  for (size_t i = 0; i < pixels.size(); ++i) {
    if (is_border(image, i)) border.push_back(pixels[i]);
  }
  const Rgb start = median(border);
  const std::vector<bool> in_second = two_means(pixels, start, mean_rgb(farthest(pixels, start, 0.1)));

  std::vector<Rgb> parts[2];
  int64_t second_on_border = 0;
  for (size_t i = 0; i < pixels.size(); ++i) {
    parts[in_second[i]].push_back(pixels[i]);
    second_on_border += in_second[i] && is_border(image, i);
  }
  const bool ground_part = 2 * second_on_border > int64_t(border.size());
  if (parts[!ground_part].empty()) return {mean_rgb(pixels), mean_rgb(pixels), 1.0};

  InkAndGround colors;
  colors.ground = median(parts[ground_part]);
  colors.ink = median(farthest(parts[!ground_part], colors.ground, 0.5));
  colors.contrast = contrast(colors.ink, colors.ground);
  return colors;
}

int64_t color_bin(const Rgb& rgb) {
  const auto [low, high] = std::minmax_element(rgb.begin(), rgb.end());
  const double chroma = *high - *low, luminance = glyphs::luminance(rgb);
  if (chroma < kGrayChroma) return luminance < kBlackBelow ? 0 : luminance <= kWhiteAbove ? 1 : 2;

  // Hue of the HSV hexcone.
  double sector = 0;
  if (high == rgb.begin())
    sector = (rgb[1] - rgb[2]) / chroma;
  else if (high == rgb.begin() + 1)
    sector = 2 + (rgb[2] - rgb[0]) / chroma;
  else
    sector = 4 + (rgb[0] - rgb[1]) / chroma;
  const double degrees = 60 * (sector < 0 ? sector + 6 : sector);
  const Hue* hue =
      std::find_if(std::begin(kHues), std::end(kHues), [&](const Hue& h) { return degrees < h.below; });
  const int64_t index = hue == std::end(kHues) ? 0 : hue - kHues;
  return 3 + 2 * index + (luminance >= kDarkBelow);
}

const std::vector<std::string>& color_bin_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"black", "gray", "white"};
    for (const Hue& hue : kHues) {
      all.push_back(cat("dark ", hue.name));
      all.push_back(cat("light ", hue.name));
    }
    GAMUT_CHECK(all.size() == 3 + 2 * kHueCount);
    return all;
  }();
  return names;
}

double effective_color_pairs(std::span<const InkAndGround> pictures) {
  if (pictures.empty()) return 0;
  std::map<std::pair<int64_t, int64_t>, int64_t> counts;
  for (const InkAndGround& picture : pictures) ++counts[{color_bin(picture.ink), color_bin(picture.ground)}];
  double entropy = 0;
  for (const auto& [pair, count] : counts) {
    const double share = double(count) / double(pictures.size());
    entropy -= share * std::log(share);
  }
  return std::exp(entropy);
}

}  // namespace gamut::glyphs
