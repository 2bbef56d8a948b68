// SPDX-License-Identifier: Apache-2.0
// Trains a small text-to-image base on glyph pictures, with classifier-free dropout of the prompt and EMA;
// the text encoder learns with the U-Net. The scheduler of `base_config` says what kind of model it becomes:
//
//   flow matching   loss = mean |v(x, 1000 sigma, prompt) - (eps - x0)|^2,   x = (1 - sigma) x0 + sigma eps,
//                   logit-normal sigma (arXiv 2403.03206, rf/lognorm)
//   DDIM, epsilon   loss = mean |e(x, t, prompt) - eps|^2,
//                   x = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) eps,
//                   uniform t
//
// With a flow model as `teacher` a DDIM base starts from its weights and learns from its velocities: scaled
// by 1 / (sqrt(alpha_bar) + sqrt(1 - alpha_bar)) the noisy picture is the flow model's x_sigma, and a
// predicted noise e stands for the velocity (e - x_sigma) / (1 - sigma). The target then has no variance of
// its own, so that minutes on a CPU are enough, and high noise, where a small error in e is a large one in
// the picture, weighs as in the teacher.
#pragma once

#include "gamut/core/config.h"
#include "gamut/train/checkpoint.h"
#include "gamut/train/ema.h"
#include "gamut/train/optimizer.h"
#include "gamut/train/pretrain_loop.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace gamut::glyphs {

// A recipe with task = "base".
struct PretrainConfig {
  std::string task = "base";
  std::string output = "", base_config = "";  // a recipe names them
  std::string teacher = "";                   // DDIM bases: a flow model of the same shape
  std::string device = "cpu";
  int64_t seed = 1;
  int64_t steps = 20000;
  int64_t batch = 128;
  int64_t pictures = 65536;
  double drop_prompt = 0.1;
  double keep_colors = 0.5, keep_style = 0.5;
  double time_mean = 0.0, time_std = 1.0;
  int64_t warmup = 200;
  double final_rate = 0.05;
  train::OptimizerConfig optimizer{.learning_rate = 1e-3, .weight_decay = 0.01};
  train::EmaConfig ema{.decay = 0.999, .every = 1};
  train::CheckpointConfig checkpoint{.every = 1000, .keep = 2};
  void fields(FieldVisitor& v);
};

struct PretrainOptions {
  std::filesystem::path run;  // checkpoints and metrics.jsonl
  bool resume = false;
};

// The loop of a recipe in a run folder, but for its parameters, its loss and how its model is saved.
template <class Config>
train::PretrainLoop loop_of(const Config& config, const PretrainOptions& options) {
  return {.run = options.run,
          .resume = options.resume,
          .steps = config.steps,
          .curve = {.kind = "cosine", .warmup = config.warmup, .final_rate = config.final_rate},
          .optimizer = config.optimizer,
          .ema = config.ema,
          .checkpoint = config.checkpoint};
}

// Writes config.output (EMA weights) at each checkpoint and at the end. Stops at a safe point when asked; the
// result says whether all steps were made.
bool pretrain_base(const PretrainConfig& config, const PretrainOptions& options);

}  // namespace gamut::glyphs
