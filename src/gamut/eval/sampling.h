// SPDX-License-Identifier: Apache-2.0
// Pictures from a pipeline outside training.
#pragma once

#include "gamut/diffusion/noise_process.h"
#include "gamut/diffusion/rollout.h"
#include "gamut/models/guidance.h"
#include "gamut/models/pipeline.h"

#include <string>
#include <vector>

namespace gamut::eval {

// What the model's own scheduler does, without a recipe.
diffusion::NoiseProcess noise_process(const models::Pipeline& pipe);

// The size of what the network said at each step of the pictures drawn so far.
class PredictionNorms {
 public:
  void add(int64_t step,
           const at::Tensor& prediction);  // rows of one micro-batch, of all steps before the next one's
  at::Tensor all() const;                  // [steps, pictures] fp32 on the CPU

 private:
  std::vector<std::vector<at::Tensor>> norms_;  // by step
};

struct SamplingOptions {
  std::vector<diffusion::Step> schedule;
  diffusion::NoiseSource noise;  // {.seed = 1000, .purpose = "eval"}
  int64_t members = 16;          // pictures per prompt
  int64_t micro_batch = 64;
  int64_t first = 0, last = -1;  // the rows that are drawn, of all; -1: up to the end
  models::Guidance guidance = {};
  at::Tensor step_noise = {};  // [steps, pictures, C, H, W] in place of `noise`'s steps; undefined: those
  bool decode_clean = false;
  PredictionNorms* norms = nullptr;  // if given, receives every prediction's norm
};

// Starting noise of all pictures, prompt-major: row p * members + m has the key {0, p, m}. [P * members, C,
// H, W].
at::Tensor sampling_noise(const models::Pipeline& pipe, int64_t prompts, const SamplingOptions& options);

// Prompts as the network is told of them, so that the text encoders may go.
struct EncodedPrompts {
  models::Conditioning prompts, negative;  // negative: one row, what classifier-free guidance leads away from
};
EncodedPrompts encode_prompts(const models::Pipeline& pipe, const std::vector<std::string>& prompts,
                              const std::string& negative = "");

// Final latents from given starting latents of all rows, prompt-major, [rows drawn, C, H, W] fp32, on the
// pipeline's device.
at::Tensor sample_latents(const models::Pipeline& pipe, const EncodedPrompts& encoded,
                          const at::Tensor& initial, const SamplingOptions& options);

}  // namespace gamut::eval
