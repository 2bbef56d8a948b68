// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/tasks/glyphs/glyphs.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_BBOX_H
#include FT_OUTLINE_H

#include <algorithm>
#include <cmath>

namespace gamut::glyphs {

namespace {

void check_freetype(FT_Error error, const std::string& what) {
  if (error)
    throw DataError("glyphs", cat(what, " failed; got FreeType error ", error, "; reinstall the font"));
}

class Library {
 public:
  Library() { check_freetype(FT_Init_FreeType(&handle_), "starting FreeType"); }
  ~Library() { FT_Done_FreeType(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  FT_Library get() const { return handle_; }

 private:
  FT_Library handle_ = nullptr;
};

class Face {
 public:
  Face(const Library& library, const std::string& file) {
    check_freetype(FT_New_Face(library.get(), file.c_str(), 0, &handle_),
                   cat("opening the font '", file, "'"));
  }
  ~Face() { FT_Done_Face(handle_); }
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;
  FT_Face get() const { return handle_; }

 private:
  FT_Face handle_ = nullptr;
};

// A copy of an outline; it outlives the face it came from, not the library.
class Outline {
 public:
  Outline(const Library& library, const FT_Outline& source) : library_(library.get()) {
    check_freetype(FT_Outline_New(library_, FT_UInt(source.n_points), source.n_contours, &outline_),
                   "copying an outline");
    check_freetype(FT_Outline_Copy(&source, &outline_), "copying an outline");
  }
  Outline(Outline&& other) noexcept : library_(other.library_), outline_(other.outline_) {
    other.library_ = nullptr;
  }
  Outline(const Outline&) = delete;
  Outline& operator=(const Outline&) = delete;
  ~Outline() {
    if (library_) FT_Outline_Done(library_, &outline_);
  }
  FT_Outline* get() { return &outline_; }

 private:
  FT_Library library_;
  FT_Outline outline_{};
};

struct Glyph {
  Outline outline;  // font units, y upward
  double center_x, center_y, width, height;
};

// Old-style figures draw 1 as a small capital I; a font that has them often names lining figures beside them.
FT_UInt find_glyph(const Face& face, char character) {
  const FT_UInt index = FT_Get_Char_Index(face.get(), FT_ULong(character));
  char name[64] = "";
  if (index == 0 || !FT_HAS_GLYPH_NAMES(face.get()) ||
      FT_Get_Glyph_Name(face.get(), index, name, sizeof name)) {
    return index;
  }
  const FT_UInt lining = FT_Get_Name_Index(face.get(), cat(name, ".lf").c_str());
  return lining ? lining : index;
}

Glyph load_glyph(const Library& library, const Face& face, const FontFace& font, char character) {
  const FT_UInt index = find_glyph(face, character);
  if (index == 0) {
    throw DataError("glyphs", cat("a font must have all characters; got '", font.file, "' without '",
                                  character, "'; reinstall ", font.package));
  }
  check_freetype(FT_Load_Glyph(face.get(), index, FT_LOAD_NO_SCALE),
                 cat("reading a glyph of '", font.file, "'"));
  Outline outline(library, face.get()->glyph->outline);
  FT_BBox box;
  check_freetype(FT_Outline_Get_BBox(outline.get(), &box), cat("measuring a glyph of '", font.file, "'"));
  return {std::move(outline), 0.5 * double(box.xMin + box.xMax), 0.5 * double(box.yMin + box.yMax),
          double(box.xMax - box.xMin), double(box.yMax - box.yMin)};
}

std::array<uint8_t, 3> jittered(const NamedColor& color, Stream& stream) {
  std::array<uint8_t, 3> rgb;
  for (size_t c = 0; c < 3; ++c) {
    const int64_t value = color.center[c] + stream.below(2 * kColorJitter + 1) - kColorJitter;
    rgb[c] = uint8_t(std::clamp<int64_t>(value, 0, 255));
  }
  return rgb;
}

std::array<double, 3> unit(const std::array<uint8_t, 3>& rgb) {
  return {rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0};
}

// Reduces size and offsets until the glyph's box keeps the margin.
GlyphSpec fitted(GlyphSpec spec, const Glyph& glyph) {
  const double room = double(kGlyphSize) - 2 * kGlyphMargin;
  spec.size = std::min({spec.size, room, room * glyph.height / glyph.width});
  const double spare_x = 0.5 * (room - spec.size * glyph.width / glyph.height);
  const double spare_y = 0.5 * (room - spec.size);
  spec.offset_x = std::clamp(spec.offset_x, -spare_x, spare_x);
  spec.offset_y = std::clamp(spec.offset_y, -spare_y, spare_y);
  return spec;
}

}  // namespace

struct GlyphRenderer::Faces {
  Library library;
  std::vector<Glyph> glyphs;  // [font * characters + character]

  Glyph& at(const GlyphSpec& spec) {
    return glyphs.at(size_t(spec.font) * glyph_characters().size() + size_t(spec.character));
  }
};

GlyphRenderer::GlyphRenderer() : faces_(std::make_unique<Faces>()) {
  for (const FontFace& font : glyph_fonts()) {
    const Face face(faces_->library, font.file);
    for (const char character : glyph_characters()) {
      faces_->glyphs.push_back(load_glyph(faces_->library, face, font, character));
    }
  }
}

GlyphRenderer::~GlyphRenderer() = default;

GlyphSpec GlyphRenderer::draw(Stream& stream) const {
  const auto& colors = glyph_colors();
  GlyphSpec spec;
  spec.character = stream.below(int64_t(glyph_characters().size()));
  spec.font = stream.below(int64_t(glyph_fonts().size()));
  do {
    spec.ink = stream.below(int64_t(colors.size()));
    spec.ground = stream.below(int64_t(colors.size()));
    spec.ink_rgb = jittered(colors[size_t(spec.ink)], stream);
    spec.ground_rgb = jittered(colors[size_t(spec.ground)], stream);
  } while (spec.ink == spec.ground || contrast(unit(spec.ink_rgb), unit(spec.ground_rgb)) < kMinContrast);
  spec.size = stream.uniform(kGlyphMinHeight, kGlyphMaxHeight);
  spec.offset_x = stream.uniform(-kGlyphMaxOffset, kGlyphMaxOffset);
  spec.offset_y = stream.uniform(-kGlyphMaxOffset, kGlyphMaxOffset);
  return fitted(spec, faces_->at(spec));
}

io::Image GlyphRenderer::render(const GlyphSpec& wanted) {
  Glyph& glyph = faces_->at(wanted);
  const GlyphSpec spec = fitted(wanted, glyph);

  // Font units to 26.6 fixed-point pixels, unhinted, so that size and offset act continuously.
  const double scale = 64.0 * spec.size / glyph.height;
  const auto shift = [&](double offset, double center) {
    return FT_Pos(std::lround(64.0 * (0.5 * double(kGlyphSize) + offset) - scale * center));
  };
  Outline outline(faces_->library, *glyph.outline.get());
  const FT_Fixed factor = FT_Fixed(std::lround(scale * 65536.0));
  const FT_Matrix matrix = {factor, 0, 0, factor};
  FT_Outline_Transform(outline.get(), &matrix);
  FT_Outline_Translate(outline.get(), shift(spec.offset_x, glyph.center_x),
                       shift(-spec.offset_y, glyph.center_y));

  std::array<uint8_t, kGlyphSize * kGlyphSize> coverage{};
  FT_Bitmap bitmap{};
  bitmap.rows = bitmap.width = kGlyphSize;
  bitmap.pitch = kGlyphSize;
  bitmap.buffer = coverage.data();
  bitmap.num_grays = 256;
  bitmap.pixel_mode = FT_PIXEL_MODE_GRAY;
  check_freetype(FT_Outline_Get_Bitmap(faces_->library.get(), outline.get(), &bitmap), "rasterizing a glyph");

  io::Image image{kGlyphSize, kGlyphSize, std::vector<uint8_t>(coverage.size() * 3)};
  for (size_t i = 0; i < coverage.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      const int mixed = spec.ink_rgb[c] * coverage[i] + spec.ground_rgb[c] * (255 - coverage[i]);
      image.pixels[3 * i + c] = uint8_t((mixed + 127) / 255);
    }
  }
  return image;
}

}  // namespace gamut::glyphs
