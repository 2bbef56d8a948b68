// SPDX-License-Identifier: Apache-2.0
// The table of font faces and where they are found.
#include "gamut/core/error.h"
#include "gamut/tasks/glyphs/glyphs.h"

#include <cstdlib>
#include <set>

namespace gamut::glyphs {

namespace {

struct Entry {
  const char* file;  // below usr/share/fonts
  const char* package;
  const char* style;
};

// Label order. Nine faces of these packages are left out, since their strokes vanish at 32 pixels: Lato
// Hairline, Thin and Light with their italics, Bebas Neue Thin and Light, Comfortaa Light.
constexpr Entry kFaces[] = {
    {"truetype/lato/Lato-Black.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-BlackItalic.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-Bold.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-BoldItalic.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-Heavy.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-HeavyItalic.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-Italic.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-Medium.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-MediumItalic.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-Regular.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-Semibold.ttf", "fonts-lato", "sans"},
    {"truetype/lato/Lato-SemiboldItalic.ttf", "fonts-lato", "sans"},
    {"truetype/vollkorn/Vollkorn-Black.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-BlackItalic.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-Bold.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-BoldItalic.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-ExtraBold.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-ExtraBoldItalic.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-Italic.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-Medium.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-MediumItalic.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-Regular.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-SemiBold.ttf", "fonts-vollkorn", "serif"},
    {"truetype/vollkorn/Vollkorn-SemiBoldItalic.ttf", "fonts-vollkorn", "serif"},
    {"opentype/cabin/Cabin-Bold.otf", "fonts-cabin", "sans"},
    {"opentype/cabin/Cabin-BoldItalic.otf", "fonts-cabin", "sans"},
    {"opentype/cabin/Cabin-Italic.otf", "fonts-cabin", "sans"},
    {"opentype/cabin/Cabin-Medium.otf", "fonts-cabin", "sans"},
    {"opentype/cabin/Cabin-MediumItalic.otf", "fonts-cabin", "sans"},
    {"opentype/cabin/Cabin-Regular.otf", "fonts-cabin", "sans"},
    {"opentype/cabin/Cabin-SemiBold.otf", "fonts-cabin", "sans"},
    {"opentype/cabin/Cabin-SemiBoldItalic.otf", "fonts-cabin", "sans"},
    {"opentype/bebas-neue/BebasNeue-Bold.otf", "fonts-bebas-neue", "display"},
    {"opentype/bebas-neue/BebasNeue-Book.otf", "fonts-bebas-neue", "display"},
    {"opentype/bebas-neue/BebasNeue-Regular.otf", "fonts-bebas-neue", "display"},
    {"truetype/fifthhorseman/dkg.ttf", "fonts-dkg-handwriting", "handwriting"},
    {"truetype/fifthhorseman/dkgBI.ttf", "fonts-dkg-handwriting", "handwriting"},
    {"truetype/fifthhorseman/dkgBd.ttf", "fonts-dkg-handwriting", "handwriting"},
    {"truetype/fifthhorseman/dkgIt.ttf", "fonts-dkg-handwriting", "handwriting"},
    {"truetype/comfortaa/Comfortaa-Bold.ttf", "fonts-comfortaa", "display"},
    {"truetype/comfortaa/Comfortaa-Regular.ttf", "fonts-comfortaa", "display"},
    {"opentype/dancingscript/DancingScript-Bold.otf", "fonts-dancingscript", "script"},
    {"opentype/dancingscript/DancingScript-Regular.otf", "fonts-dancingscript", "script"},
    {"truetype/cabinsketch/CabinSketch-Bold.ttf", "fonts-cabinsketch", "display"},
    {"truetype/cabinsketch/CabinSketch-Regular.ttf", "fonts-cabinsketch", "display"},
    {"truetype/monofur/monof55.ttf", "fonts-monofur", "sans"},
    {"truetype/monofur/monof56.ttf", "fonts-monofur", "sans"},
    {"opentype/lobster/lobster.otf", "fonts-lobster", "script"},
    {"opentype/kaushanscript/KaushanScript-Regular.otf", "fonts-kaushanscript", "script"},
    {"truetype/leckerli-one/LeckerliOne-Regular.ttf", "fonts-leckerli-one", "script"},
    {"truetype/kristi/Kristi.ttf", "fonts-kristi", "script"},
    {"truetype/humor-sans/Humor-Sans.ttf", "fonts-humor-sans", "handwriting"},
    {"truetype/gnutypewriter/GNUTypewriter.ttf", "fonts-gnutypewriter", "serif"},
    {"truetype/isabella/Isabella.ttf", "fonts-isabella", "script"},
    {"truetype/rufscript/Rufscript010.ttf", "fonts-rufscript", "handwriting"},
};

std::filesystem::path font_root() {
  const char* root = std::getenv("GAMUT_FONTS");
  return root && *root ? root : "/";
}

}  // namespace

std::vector<FontFace> find_glyph_fonts(const std::filesystem::path& root) {
  std::vector<FontFace> faces;
  std::set<std::string> missing;
  std::string first_missing;
  for (const Entry& entry : kFaces) {
    const std::filesystem::path file = root / "usr/share/fonts" / entry.file;
    if (!std::filesystem::is_regular_file(file)) {
      if (missing.empty()) first_missing = file.string();
      missing.insert(entry.package);
    }
    faces.push_back({file.string(), entry.package, entry.style});
  }
  if (missing.empty()) return faces;

  std::string packages;
  for (const std::string& package : missing) packages += " " + package;
  throw EnvironmentError(
      "glyphs", cat("font files must be installed; got no '", first_missing, "'; expected the files of ",
                    missing.size(), " more package(s); run: apt-get install", packages));
}

const std::vector<FontFace>& glyph_fonts() {
  static const std::vector<FontFace> faces = find_glyph_fonts(font_root());
  return faces;
}

}  // namespace gamut::glyphs
