// SPDX-License-Identifier: Apache-2.0
// Trains the reader (models/reader) on freshly drawn glyph pictures: cross-entropy over the characters, or
// (task = "faces") over the fonts' faces, for measures of modes.
//
// Half-drawn samples of a diffusion model must be judged sensibly too. So pictures are blurred, shaded,
// overlaid with noise and with 2x2 grids of random strength, and a share of the batch shows no character at
// all (blobs, noise, flat colors, two halves of different characters) with the even distribution as its
// target.
#pragma once

#include "gamut/core/config.h"
#include "gamut/train/disturb.h"
#include "gamut/train/optimizer.h"

#include <cstdint>
#include <string>

namespace gamut::glyphs {

struct ReaderAugmentConfig : train::Disturbance {
  double garbage = 0.1;  // share of pictures that show no character
  ReaderAugmentConfig() : Disturbance{.noise = 0.15, .blur = 1.0, .shade = 0.1, .grid = 0.1} {}
  void fields(FieldVisitor& v);
};

// A recipe with task = "reader" or "faces".
struct ReaderTrainingConfig {
  std::string task = "reader";
  std::string output = "";  // a recipe names it
  std::string device = "cpu";
  int64_t seed = 1;
  int64_t steps = 2000;
  int64_t batch = 96;
  int64_t warmup = 50;
  int64_t holdout = 4096;
  train::OptimizerConfig optimizer{.learning_rate = 3e-3, .weight_decay = 0.02};
  ReaderAugmentConfig augment;
  void fields(FieldVisitor& v);
};

// What the finished reader does with pictures it never saw; undisturbed except for `garbage_confidence`.
struct ReaderQuality {
  double accuracy = 0;          // share whose most probable class is the right one
  double mean_probability = 0;  // of the right class
  double style_accuracy = 0;  // faces: the same of the face's style, of which a face's probability is a part
  double garbage_confidence = 0;  // mean of the largest probability on pictures that show no character
};

// Writes config.output at the end (or when asked to stop). EnvironmentError when fonts are missing.
ReaderQuality pretrain_reader(const ReaderTrainingConfig& config);

}  // namespace gamut::glyphs
