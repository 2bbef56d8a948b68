// SPDX-License-Identifier: Apache-2.0
// Trains a small CLIP from scratch on glyph pictures: pictures and their full captions (character, colors,
// style), the symmetric cross-entropy of arXiv 2103.00020 with a learned logit scale, EMA.
//
//   logits = exp(s) image text^T,   loss = (CE(rows) + CE(columns)) / 2,   s <= ln 100
//
// Pictures are disturbed as the reader's are, so that half-drawn samples are judged sensibly too.
#pragma once

#include "gamut/core/config.h"
#include "gamut/models/clip/clip.h"
#include "gamut/tasks/glyphs/pretrain.h"
#include "gamut/train/disturb.h"

#include <cstdint>
#include <string>

namespace gamut::glyphs {

// A recipe with task = "clip".
struct ClipTrainingConfig {
  std::string task = "clip";
  std::string output = "", clip_config = "";  // a recipe names them
  std::string device = "cpu";
  int64_t seed = 1;
  int64_t steps = 1500;
  int64_t batch = 192;
  int64_t pictures = 32768;
  int64_t holdout = 2048;
  int64_t warmup = 100;
  double final_rate = 0.02;
  train::OptimizerConfig optimizer{.learning_rate = 2e-3, .weight_decay = 0.05};
  train::EmaConfig ema{.decay = 0.99, .every = 1};
  train::CheckpointConfig checkpoint{.every = 250, .keep = 2};
  train::Disturbance augment{.noise = 0.1, .blur = 0.5, .shade = 0.05, .grid = 0.05};
  void fields(FieldVisitor& v);
};

// Writes config.output (EMA weights) at each checkpoint and at the end, where it also tests and logs the
// retrieval. The result says whether all steps were made.
bool pretrain_clip(const ClipTrainingConfig& config, const PretrainOptions& options);

// (CE(rows) + CE(columns)) / 2 of unit-length embeddings [B, d] whose rows belong together; a scalar.
at::Tensor contrastive_loss(const at::Tensor& images, const at::Tensor& texts, const at::Tensor& logit_scale);

// Share of texts whose own picture is the nearest one among batches of 64 pictures, over `holdout` pictures
// of a seed that no training picture comes from; the last, incomplete batch is left out.
double text_to_image_top1(const models::Clip& clip, int64_t holdout, uint64_t seed);

}  // namespace gamut::glyphs
