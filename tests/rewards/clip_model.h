// SPDX-License-Identifier: Apache-2.0
// A CLIP with random weights in a folder of its own, small enough for every test.
#pragma once

#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/io/files.h"
#include "gamut/models/clip/clip.h"
#include "gamut/text/clip_tokenizer.h"
#include "support/temp_folder.h"

#include <nlohmann/json.hpp>

namespace gamut::rewards {

inline models::Clip write_clip(const testing::TempFolder& folder) {
  const nlohmann::json tower = {
      {"hidden_size", 16}, {"intermediate_size", 24}, {"num_hidden_layers", 1}, {"num_attention_heads", 2}};
  nlohmann::json text = tower, vision = tower;
  text["max_position_embeddings"] = 8;
  vision.update({{"image_size", 32}, {"patch_size", 8}});
  io::write_json(folder / "config.json",
                 {{"projection_dim", 12}, {"text_config", text}, {"vision_config", vision}});
  io::write_json(folder / "preprocessor_config.json", {{"size", 32}, {"crop_size", 32}});
  text::write_word_tokenizer(folder.path(), glyphs::glyph_caption_words(), 8);
  models::Clip clip = models::Clip::create(folder.path(), 5, {});
  clip.save(folder.path());
  return clip;
}

}  // namespace gamut::rewards
