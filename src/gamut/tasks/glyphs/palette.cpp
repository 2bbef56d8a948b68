// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/palette.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/eval/report_pictures.h"
#include "gamut/io/atlas.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/tasks/glyphs/ink.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace gamut::glyphs {
namespace {

std::string hex(const Rgb& rgb) {
  char text[8];
  const auto byte = [](double value) { return unsigned(std::lround(255 * std::clamp(value, 0.0, 1.0))); };
  std::snprintf(text, sizeof text, "%02x%02x%02x", byte(rgb[0]), byte(rgb[1]), byte(rgb[2]));
  return text;
}

Rgb as_rgb(const std::array<uint8_t, 3>& rgb) { return {rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0}; }

}  // namespace

std::string palette_of(std::span<const io::Image> pictures, size_t count) {
  std::string colors;
  for (const size_t i : eval::spread(pictures.size(), count)) {
    const InkAndGround found = split_colors(io::shrunk(pictures[i], 64));
    colors += hex(found.ink) + hex(found.ground);
  }
  return colors;
}

std::string data_palette(size_t count) try {
  const GlyphRenderer renderer;
  std::string colors;
  for (size_t i = 0; i < count; ++i) {
    Stream stream(0, "report.palette", {int64_t(i)});
    const GlyphSpec spec = renderer.draw(stream);
    colors += hex(as_rgb(spec.ink_rgb)) + hex(as_rgb(spec.ground_rgb));
  }
  return colors;
} catch (const EnvironmentError&) {
  return "";
}

}  // namespace gamut::glyphs
