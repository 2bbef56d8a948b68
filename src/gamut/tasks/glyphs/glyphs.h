// SPDX-License-Identifier: Apache-2.0
// The glyph task's pictures: digits and capitals (without I, O, Q) drawn by FreeType from real fonts of
// Debian packages, 32x32 RGB, one ink and one ground color of enough contrast. Everything is drawn from a
// named seed and kept as labels, so that probes have a ground truth.
//
//   GlyphSet set = make_glyph_set(8192, seed);
//   std::string caption = glyph_caption(set.specs[0], keep_colors, keep_style);
//
// Colors given as doubles are sRGB in [0, 1].
#pragma once

#include "gamut/core/random.h"
#include "gamut/io/image.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gamut::glyphs {

inline constexpr int64_t kGlyphSize = 32;
inline constexpr double kGlyphMargin = 1;  // pixels kept free around the glyph's box
inline constexpr double kGlyphMinHeight = 18, kGlyphMaxHeight = 25;  // pixels, of the glyph's own box
inline constexpr double kGlyphMaxOffset = 2.5;                       // pixels from the center, either way
inline constexpr int64_t kColorJitter = 10;                          // of 255, either way, in each channel
inline constexpr double kMinContrast = 2.0;                          // between ink and ground, see contrast()

// "0123456789ABCDEFGHJKLMNPRSTUVWXYZ": the 33 characters, in label order.
const std::string& glyph_characters();
std::string glyph_caption(char character);  // "the digit 7", "the letter K"

struct NamedColor {
  std::string name;               // "dark red"
  std::array<uint8_t, 3> center;  // sRGB
};
const std::vector<NamedColor>& glyph_colors();
// Index into glyph_colors() of the nearest named color (CIELAB distance). A named color jittered by
// kColorJitter is nearest to itself.
int64_t nearest_color(const std::array<double, 3>& srgb);
// WCAG relative luminance, 0 (black) … 1 (white), and the contrast ratio that follows from it, 1 … 21.
double luminance(const std::array<double, 3>& srgb);
double contrast(const std::array<double, 3>& srgb_a, const std::array<double, 3>& srgb_b);

struct FontFace {
  std::string file, package, style;  // style: sans | serif | script | handwriting | display
};
// The 55 faces used, `file` being the full path, below the folder that the environment variable GAMUT_FONTS
// names (default "/"). EnvironmentError names the missing apt packages.
const std::vector<FontFace>& glyph_fonts();
// The same below another root, looked up anew.
std::vector<FontFace> find_glyph_fonts(const std::filesystem::path& root);

// All that defines one picture.
struct GlyphSpec {
  int64_t character = 0, font = 0, ink = 0, ground = 0;  // indices into the lists above
  std::array<uint8_t, 3> ink_rgb{}, ground_rgb{};        // jittered around the named colors
  double size = 24, offset_x = 0, offset_y = 0;  // height of the glyph's box and shift right/down, pixels
};

// "the letter K, dark red on light cyan, script" with each attribute kept by `keep_colors` / `keep_style`.
std::string glyph_caption(const GlyphSpec& spec, bool keep_colors, bool keep_style);
// Every word that a caption can hold, lower-case, each once; the comma is one of them.
std::vector<std::string> glyph_caption_words();

// Draws specs and renders them; owns the glyphs' outlines. Not thread-safe: one per thread.
class GlyphRenderer {
 public:
  GlyphRenderer();
  ~GlyphRenderer();
  GlyphSpec draw(Stream& stream) const;
  // A size or an offset that would push the glyph into the margin is reduced to what fits.
  io::Image render(const GlyphSpec& spec);

 private:
  struct Faces;
  std::unique_ptr<Faces> faces_;
};

struct GlyphSet {
  std::vector<GlyphSpec> specs;
  std::vector<io::Image> images;
  uint64_t hash = 0;  // of all pixels: rasters differ between FreeType versions
};
// The same (count, seed) gives the same set on one FreeType version; a larger set begins with the smaller
// one.
GlyphSet make_glyph_set(int64_t count, uint64_t seed);

}  // namespace gamut::glyphs
