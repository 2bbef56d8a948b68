// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain_data.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/nn/images.h"

#include <ATen/ATen.h>

#include <utility>

namespace gamut::glyphs {

const std::string& required_key(const std::string& value, const char* key) {
  if (value.empty())
    throw ConfigError("pretrain", cat("a recipe has to name the folder '", key,
                                      "'; got \"\"; for example --set ", key, "=FOLDER"));
  return value;
}

GlyphPictures draw_glyph_pictures(int64_t count, uint64_t seed, at::Device device) {
  log_info(cat("drawing ", count, " glyph pictures"));
  GlyphSet set = make_glyph_set(count, seed);
  const at::Tensor bytes = nn::images_to_tensor(set.images).mul_(255).round_().to(at::kByte);
  return {.pictures_NCHW = bytes.to(device), .specs = std::move(set.specs)};
}

at::Tensor pictures_at(const GlyphPictures& set, const at::Tensor& rows) {
  return set.pictures_NCHW.index_select(0, rows).to(at::kFloat).div_(255);
}

}  // namespace gamut::glyphs
