// SPDX-License-Identifier: Apache-2.0
// Trajectories: from noise to latents under a schedule, with what the update needs stored.
#pragma once

#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gamut::diffusion {

// The coordinates of one trajectory. With the run's seed they name all its random numbers, so that any
// picture can be made again whatever the batch it was in. Example: {.epoch = 12, .prompt = 3, .member = 7}.
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

// Keys of the starting noise under a way of sharing it, for initial_noise. "member": the keys themselves;
// "group": one noise for all members of a prompt (member = -1); "batch": one for all (prompt = member = -1).
// ConfigError otherwise.
std::vector<SampleKey> shared_keys(const std::vector<SampleKey>& keys, const std::string& sharing);

// The network's output for B samples at one step: velocity, noise or v.
using Denoiser = std::function<at::Tensor(const at::Tensor& x_BCHW, const Step& step)>;

// B trajectories of one micro-batch.
struct Trajectories {
  std::vector<at::Tensor> latents;    // T + 1 of [B, C, H, W] fp32; [0] is the initial noise
  std::vector<at::Tensor> log_probs;  // T of [B] fp32; undefined where the step is deterministic
  at::Tensor final_BCHW;              // what is decoded
  std::vector<at::Tensor> means;  // T of [B, C, H, W], the behavior policy's step means; only with keep_means
  std::vector<at::Tensor> clean;  // T of [B, C, H, W], predicted clean latents; only with keep_clean
  std::map<int64_t, at::Tensor> predictions;  // by step: the network's output with its graph, of graph_steps
};

struct RolloutOptions {
  bool keep_latents = true;   // false: only the final latents (evaluation)
  bool decode_clean = false;  // final = predicted clean latent of the last step
  bool keep_means = false;
  bool keep_clean = false;
  std::set<int64_t> graph_steps = {};  // whose network output keeps its graph, for one backward pass
};

// Runs the schedule from `initial` (moved to the denoiser's device by the caller).
Trajectories rollout(const std::vector<Step>& schedule, at::Tensor initial_BCHW, const Denoiser& denoiser,
                     const std::function<at::Tensor(int64_t step)>& noise, const RolloutOptions& options);

}  // namespace gamut::diffusion
