// SPDX-License-Identifier: Apache-2.0
// The rows that an iteration trains on, with their credit, in batches of the rollout's size: those of its own
// rollouts that were kept, or finished pictures of the newest iterations (objective.buffer).
#pragma once

#include "gamut/train/actor.h"
#include "gamut/train/config.h"
#include "gamut/train/crediting.h"
#include "gamut/train/slices.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::train {

// One micro-batch. Lists have one entry per row.
struct ChosenRows {
  int64_t update = 0;  // of the iteration's optimizer steps, which one trains them
  std::vector<SampleRow> rows;
  diffusion::Trajectories trajectories;
  std::vector<float> advantages, weights;           // weight 0: fills the batch up
  std::vector<std::vector<float>> step_advantages;  // per denoising step, or empty
  std::vector<uint8_t> anchored;                    // by the regularizer
};

// The kept rows of this iteration that this process drew. `regularized`: per row of the iteration, whether
// the regularizer may anchor it.
std::vector<ChosenRows> kept_rows(std::vector<Rollout> drawn, const RowCredit& credit,
                                  const std::vector<uint8_t>& regularized, const BatchPlan& plan,
                                  const Slices& slices);

// The share of one of `size` processes in the micro-batches that all chose alike, each belonging to update
// (index mod updates).
std::vector<ChosenRows> slice_of(std::vector<ChosenRows> all, int64_t updates, int64_t rank, int64_t size);

// Finished latents of the newest iterations whose pictures have weight, as one ring of fixed size, so that a
// checkpoint holds them as they are. Rewards are weights here: a picture counts the same whenever it was
// drawn.
class PictureBuffer {
 public:
  // Room for objective.buffer iterations of `pictures` latents each.
  PictureBuffer(const algorithms::ObjectiveConfig& objective, int64_t pictures,
                const std::vector<int64_t>& latent_shape);

  // Takes in the kept and trained rows of an iteration in place of the oldest one's. Latents [rows, C, H, W],
  // fp32, CPU.
  void put(int64_t iteration, const at::Tensor& latents, const std::vector<SampleRow>& rows,
           const RowCredit& credit);
  // `count` of the pictures at hand, or all when there are fewer, in an order drawn from (seed,
  // "objective.buffer", iteration); latents on `device`. Their keys name the iteration, so that times and
  // noises are new each time.
  std::vector<ChosenRows> choose(int64_t count, int64_t micro_batch, uint64_t seed, int64_t iteration,
                                 const at::Device& device) const;
  int64_t size() const;  // pictures at hand

  // For the checkpoint.
  std::vector<nn::NamedTensor> stored() const { return {{"latents", latents_}, {"rows", rows_}}; }

 private:
  algorithms::ObjectiveConfig objective_;
  int64_t pictures_;
  at::Tensor latents_;  // [iterations x pictures, C, H, W] fp32 on the CPU
  at::Tensor rows_;     // [iterations x pictures, 3] fp32: whether a picture is there, its prompt, its reward
};

}  // namespace gamut::train
