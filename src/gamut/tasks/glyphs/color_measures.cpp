// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/color_measures.h"

#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/tasks/glyphs/ink.h"

#include <algorithm>
#include <limits>

namespace gamut::glyphs {
namespace {

using Pictures = eval::MeasuredPictures;

double color_pairs(const Pictures& pictures) {
  std::vector<InkAndGround> colors;
  for (const io::Image& image : pictures.images) colors.push_back(split_colors(image));
  return effective_color_pairs(colors);
}

double mean_contrast(const Pictures& pictures) {
  double contrast = 0;
  for (const io::Image& image : pictures.images)
    contrast += split_colors(image).contrast / double(pictures.images.size());
  return contrast;
}

bool asks_for_colors(const text::Prompt& prompt) {
  return prompt.attributes.contains("ink") && prompt.attributes.contains("ground");
}

bool colors_match(const io::Image& image, const text::Prompt& prompt) {
  const InkAndGround found = split_colors(image);
  auto name_of = [](const Rgb& rgb) { return glyph_colors()[size_t(nearest_color(rgb))].name; };
  return name_of(found.ink) == prompt.attributes.at("ink") &&
         name_of(found.ground) == prompt.attributes.at("ground");
}

double color_accuracy(const Pictures& pictures) {
  double right = 0, asked = 0;
  for (size_t i = 0; i < pictures.images.size(); ++i) {
    if (!asks_for_colors(pictures.prompts[i])) continue;
    right += colors_match(pictures.images[i], pictures.prompts[i]);
    asked += 1;
  }
  return asked == 0 ? std::numeric_limits<double>::quiet_NaN() : right / asked;
}

}  // namespace

bool are_glyphs(const Pictures& pictures) {
  const io::Image& first = pictures.images.front();
  return first.width == kGlyphSize && first.height == kGlyphSize && asks_for_glyphs(pictures.prompts);
}

bool asks_for_glyphs(std::span<const text::Prompt> prompts) {
  return std::all_of(prompts.begin(), prompts.end(), [](const text::Prompt& prompt) {
    return prompt.target.size() == 1 && glyph_characters().find(prompt.target) != std::string::npos;
  });
}

std::vector<eval::Measure> color_measures() {
  const auto any_asks = [](const Pictures& pictures) {
    return std::any_of(pictures.prompts.begin(), pictures.prompts.end(), asks_for_colors);
  };
  return {{.key = "color_pairs",
           .label = "color pairs (effective)",
           .unit = "pairs",
           .value = color_pairs,
           .applies = are_glyphs,
           .title = "Color combinations",
           .about = "how many different ink and ground colors a prompt's pictures use"},
          {.key = "contrast",
           .label = "contrast",
           .unit = "ratio",
           .direction = eval::Direction::kNone,
           .value = mean_contrast,
           .applies = are_glyphs,
           .title = "Contrast",
           .about = "between ink and ground"},
          {.key = "color_accuracy",
           .label = "color accuracy",
           .unit = "share of pictures",
           .scope = eval::Scope::kHeldout,
           .value = color_accuracy,
           .applies = any_asks,
           .title = "Color accuracy",
           .about = "share of pictures in the colors that the prompt asks for",
           .former = "colors_obeyed"}};
}

}  // namespace gamut::glyphs
