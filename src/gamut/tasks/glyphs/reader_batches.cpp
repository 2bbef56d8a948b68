// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/reader_batches.h"

#include "gamut/core/random.h"
#include "gamut/nn/images.h"
#include "gamut/train/disturb.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <utility>

namespace gamut::glyphs {
namespace {

using at::Tensor;

constexpr int64_t kSize = kGlyphSize;

struct Glyphs {
  Tensor pictures_BCHW, classes_B;
};

Glyphs draw_glyphs(Stream& stream, GlyphRenderer& renderer, int64_t count,
                   const ReaderTrainingConfig& config = {}) {
  std::vector<io::Image> images;
  std::vector<int64_t> classes;
  for (int64_t i = 0; i < count; ++i) {
    const GlyphSpec spec = renderer.draw(stream);
    images.push_back(renderer.render(spec));
    classes.push_back(class_of(spec, config));
  }
  return {nn::images_to_tensor(images), at::tensor(classes, at::kLong)};
}

// A quarter each: two colors in blobs from coarse to fine, colored noise from coarse to fine, a flat
// color, the left half of one glyph beside the right half of another.
Tensor no_character(Stream& stream, GlyphRenderer& renderer, int64_t count) {
  const int64_t quarter = count / 4, rest = count - 3 * quarter;
  const Tensor ink = at::rand({quarter, 3, 1, 1}), ground = at::rand({quarter, 3, 1, 1});
  const Tensor blobs =
      at::sigmoid(12 * train::smooth_noise(quarter, 3 + stream.below(kSize - 2), kSize).narrow(1, 0, 1));
  const int64_t cell = int64_t{1} << stream.below(4);
  const Tensor noise = at::rand({quarter, 3, kSize / cell, kSize / cell})
                           .repeat_interleave(cell, 2)
                           .repeat_interleave(cell, 3);
  const Tensor flat = at::rand({quarter, 3, 1, 1}).expand({quarter, 3, kSize, kSize});
  const Tensor left = draw_glyphs(stream, renderer, rest).pictures_BCHW;
  const Tensor right = draw_glyphs(stream, renderer, rest).pictures_BCHW;
  const Tensor halves = at::cat({left.narrow(3, 0, kSize / 2), right.narrow(3, kSize / 2, kSize / 2)}, 3);
  return at::cat({at::lerp(ground, ink, blobs), noise, flat, halves});
}

}  // namespace

std::vector<std::string> face_classes() {
  std::vector<std::string> names;
  for (const FontFace& face : glyph_fonts())
    names.push_back(face.style + "/" + std::filesystem::path(face.file).filename().string());
  return names;
}

int64_t class_of(const GlyphSpec& spec, const ReaderTrainingConfig& config) {
  return config.task == "faces" ? spec.font : spec.character;
}

int64_t class_count(const ReaderTrainingConfig& config) {
  return int64_t(config.task == "faces" ? glyph_fonts().size() : glyph_characters().size());
}

ReaderBatch draw_reader_batch(const ReaderTrainingConfig& config, GlyphRenderer& renderer, int64_t step) {
  Stream stream(uint64_t(config.seed), "reader.batch", {step});
  at::manual_seed(stream.bits64());
  const int64_t classes = class_count(config);
  const int64_t garbage = std::llround(config.augment.garbage * double(config.batch));
  const Glyphs glyphs = draw_glyphs(stream, renderer, config.batch - garbage, config);
  Tensor pictures = glyphs.pictures_BCHW;
  if (garbage > 0) pictures = at::cat({pictures, no_character(stream, renderer, garbage)});
  const Tensor targets = at::cat({at::one_hot(glyphs.classes_B, classes).to(at::kFloat),
                                  at::full({garbage, classes}, 1.0 / double(classes))});
  return {train::disturb(pictures, config.augment), targets};
}

Tensor draw_garbage(const ReaderTrainingConfig& config, GlyphRenderer& renderer, int64_t count) {
  Stream stream(uint64_t(config.seed), "reader.garbage");
  at::manual_seed(stream.bits64());
  return train::disturb(no_character(stream, renderer, count), config.augment);
}

}  // namespace gamut::glyphs
