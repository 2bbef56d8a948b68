// SPDX-License-Identifier: Apache-2.0
// The loop that pretraining tasks share: AdamW with warm-up and cosine, EMA, progress, metrics, checkpoints,
// stopping and resuming. A task gives its parameters, the loss of a step, and how its model is saved.
#pragma once

#include "gamut/train/checkpoint.h"
#include "gamut/train/ema.h"
#include "gamut/train/learning_rate_schedule.h"
#include "gamut/train/optimizer.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace gamut::train {

struct PretrainLoop {
  std::filesystem::path run = {};  // checkpoints and metrics.jsonl; "": neither, and nothing to resume
  bool resume = false;
  int64_t steps = 1;
  LearningRateSchedule curve = {};
  OptimizerConfig optimizer = {};
  EmaConfig ema = {};
  CheckpointConfig checkpoint = {};
  std::vector<nn::NamedTensor> params = {};
  // A scalar that backward() is called on; a pure function of the step and the parameters.
  std::function<at::Tensor(int64_t step)> loss = {};
  std::function<void()> after_update = [] {};  // such as holding a parameter in its range
  // Called while `params` hold the moving average: with each checkpoint and at the end.
  std::function<void()> save = {};
};

// Whether all steps were made; false when asked to stop, after a checkpoint where there are any.
// NumericalError for a loss that is not finite.
bool run_pretraining(const PretrainLoop& loop);

}  // namespace gamut::train
