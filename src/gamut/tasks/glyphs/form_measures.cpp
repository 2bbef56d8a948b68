// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/form_measures.h"

#include "gamut/tasks/glyphs/color_measures.h"
#include "gamut/tasks/glyphs/form.h"

namespace gamut::glyphs {
namespace {

using Pictures = eval::MeasuredPictures;

bool have_classes(const Pictures& pictures) { return are_glyphs(pictures) && pictures.classes != nullptr; }

double modes(const Pictures& pictures, const std::string& kind) {
  const std::vector<int64_t>& all = pictures.classes->at(kind);
  const auto first = all.begin() + int64_t(pictures.first);
  return eval::effective_classes({first, first + int64_t(pictures.images.size())});
}

}  // namespace

std::vector<eval::Measure> form_measures() {
  return {{.key = "face_modes",
           .label = "face modes (effective)",
           .unit = "faces",
           .value = [](const Pictures& p) { return modes(p, "face"); },
           .applies = have_classes,
           .title = "Faces",
           .about = "how many different faces a prompt's pictures are set in",
           .family = "form"},
          {.key = "style_modes",
           .label = "style modes (effective)",
           .unit = "styles",
           .value = [](const Pictures& p) { return modes(p, "style"); },
           .applies = have_classes,
           .title = "Styles",
           .about = "how many of the five styles of type a prompt's pictures show",
           .family = "form"},
          {.key = "stroke_spread",
           .label = "spread of stroke width",
           .unit = "px",
           .value = [](const Pictures& p) { return form_spread(p.images).stroke; },
           .applies = are_glyphs,
           .title = "Stroke widths",
           .about = "how far apart the widths of strokes are",
           .family = "geometry"},
          {.key = "size_spread",
           .label = "spread of size",
           .unit = "px",
           .value = [](const Pictures& p) { return form_spread(p.images).height; },
           .applies = are_glyphs,
           .title = "Sizes",
           .about = "how far apart the heights of the characters are",
           .family = "geometry"},
          {.key = "place_spread",
           .label = "spread of place",
           .unit = "px",
           .value = [](const Pictures& p) { return form_spread(p.images).place; },
           .applies = are_glyphs,
           .title = "Places",
           .about = "how far apart the characters stand in their pictures",
           .family = "geometry"}};
}

}  // namespace gamut::glyphs
