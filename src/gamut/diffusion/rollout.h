// SPDX-License-Identifier: Apache-2.0
// Trajectories: from noise to latents under a schedule, with what the update needs stored.
#pragma once

#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gamut::diffusion {

// The coordinates of one trajectory. With the run's seed they name all its random numbers, so that any picture can
// be made again whatever the batch it was in. Example: {.epoch = 12, .prompt = 3, .member = 7}.
struct SampleKey {
  int64_t epoch = 0, prompt = 0, member = 0;
};

struct NoiseSource {
  uint64_t seed = 0;
  std::string purpose = "rollout";  // "rollout" | "eval" | "sample"
};

// Standard normals, row b from the stream (seed, purpose + ".init", key b); [B, C, H, W] fp32 on the CPU.
at::Tensor initial_noise(const NoiseSource& source, const std::vector<SampleKey>& keys,
                         const std::vector<int64_t>& shape_CHW);
// The same for the noise of one step.
at::Tensor step_noise(const NoiseSource& source, const std::vector<SampleKey>& keys,
                      const std::vector<int64_t>& shape_CHW, int64_t step);

// Velocity of B samples at one step; called without gradient.
using Velocity = std::function<at::Tensor(const at::Tensor& x_BCHW, const Step& step)>;

// B trajectories of one micro-batch.
struct Trajectories {
  std::vector<at::Tensor> latents;   // T + 1 of [B, C, H, W] fp32; [0] is the initial noise
  std::vector<at::Tensor> log_probs; // T of [B] fp32; undefined where the step is deterministic
  at::Tensor final_BCHW;             // what is decoded
};

struct RolloutOptions {
  bool keep_latents = true;          // false: only the final latents (evaluation)
  bool decode_clean = false;         // final = predicted clean latent of the last step
};

// Runs the schedule from `initial` (moved to the velocity's device by the caller).
Trajectories rollout(const std::vector<Step>& schedule, at::Tensor initial_BCHW, const Velocity& velocity,
                     const std::function<at::Tensor(int64_t step)>& noise, const RolloutOptions& options);

}  // namespace gamut::diffusion
