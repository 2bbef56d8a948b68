// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace gamut::glyphs {
namespace glyph_fonts_test {

namespace fs = std::filesystem;

// All font files as empty files below `root`, but for those of one package.
void pretend_fonts(const fs::path& root, const std::string& missing_package) {
  for (const FontFace& face : glyph_fonts()) {
    if (face.package == missing_package) continue;
    const std::string below = face.file.substr(face.file.find("usr/share/fonts"));
    fs::create_directories((root / below).parent_path());
    std::ofstream(root / below).put('x');
  }
}

TEST(glyph_fonts, are_55_faces_of_17_packages_in_five_styles) {
  std::map<std::string, int> packages, styles;
  for (const FontFace& face : glyph_fonts()) {
    ++packages[face.package];
    ++styles[face.style];
    EXPECT_TRUE(fs::exists(face.file)) << face.file;
  }
  EXPECT_EQ(glyph_fonts().size(), 55u);
  EXPECT_EQ(packages.size(), 17u);
  EXPECT_EQ(styles, (std::map<std::string, int>{
                        {"display", 7}, {"handwriting", 6}, {"sans", 22}, {"script", 7}, {"serif", 13}}));
}

TEST(glyph_fonts, are_found_below_another_root) {
  testing::TempFolder root;
  pretend_fonts(root.path(), "");
  const auto faces = find_glyph_fonts(root.path());
  ASSERT_EQ(faces.size(), 55u);
  EXPECT_EQ(faces[0].file, (root.path() / "usr/share/fonts/truetype/lato/Lato-Black.ttf").string());
}

TEST(glyph_fonts, name_the_missing_package) {
  testing::TempFolder root;
  pretend_fonts(root.path(), "fonts-kristi");
  EXPECT_EQ(testing::message_of<EnvironmentError>([&] { find_glyph_fonts(root.path()); }),
            "[glyphs] font files must be installed; got no '" + root.path().string() +
                "/usr/share/fonts/truetype/kristi/Kristi.ttf'; expected the files of 1 more package(s); "
                "run: apt-get install fonts-kristi");
  EXPECT_NE(testing::message_of<EnvironmentError>([&] {
              find_glyph_fonts(root / "none");
            }).find("17 more package(s)"),
            std::string::npos);
}

}  // namespace glyph_fonts_test
}  // namespace gamut::glyphs
