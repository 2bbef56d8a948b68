// SPDX-License-Identifier: Apache-2.0
// What a recipe will cost, before anything is loaded: parameters, FLOPs and memory of an iteration.
//
//   const Plan plan = make_plan(config, prompts, {});
//   plan.needed_bytes();  plan.flops_per_iteration();
//
// A dry run: the trainer makes one iteration on the meta device, where tensors have shapes and lifetimes but
// no data, and nn/cost.h counts what it computes and holds. Through its hooks (hooks.h) one micro-batch
// stands for all, one trained step or time for all, and made-up scores for the reward's. docs/plan.md says
// what each number means.
#pragma once

#include "gamut/text/prompt_set.h"
#include "gamut/train/batch_plan.h"
#include "gamut/train/config.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::train {

struct PlanOptions {
  // Of the evaluations between iterations; 0 = none, -1 = the model's usual one.
  int64_t evaluation_micro_batch = 0;
  double evaluation_guidance = 1;
  int64_t evaluated_prompts = 0;  // encoded for evaluations, beside those of training
};

// Numbers of weights. `trained`: of the denoiser, or of the adapter beside it; `int8`: of denoiser and text
// encoders, held so.
struct PlanParameters {
  int64_t text_encoder = 0, denoiser = 0, vae = 0, trained = 0, int8 = 0;
};

// Bytes that stay for the whole run, by purpose.
struct PlanHeld {
  int64_t text_encoder = 0, denoiser = 0, vae = 0, adapter = 0;
  int64_t gradients = 0, optimizer = 0, average = 0, reference = 0, prompts = 0;
  int64_t total() const;
};

// A part of the run. `flops`: of one iteration ("prompts", "evaluation": not in an iteration, see below).
struct PlanPhase {
  std::string name;  // prompts | rollout | decode | reference | update | evaluation
  double flops =
      0;  // prompts: once per run; evaluation: of one network call on its micro-batch and its decoding
  int64_t working = 0;  // bytes above what is held and stored before it, at its worst moment
  int64_t peak = 0;     // bytes in all at that moment
};

struct Plan {
  bool on_cpu = true;                // config.device
  bool drops_text_encoders = false;  // after "prompts": held.text_encoder is 0 then
  BatchPlan batch;
  int64_t evaluation_micro_batch = 0;                        // 0 = no evaluation
  int64_t steps = 0, trained_steps = 0, trained_images = 0;  // trained_images: at most, per iteration
  bool trains_trajectory = true;  // else trained_steps counts the times of the forward process per picture
  PlanParameters parameters;
  PlanHeld held;
  int64_t trajectories =
      0;                 // bytes of an iteration's stored latents, log-probabilities and means, of all drawn
  int64_t pictures = 0;  // bytes of an iteration's decoded pictures
  int64_t graphs = 0;    // bytes that train.reuse_rollout_graph keeps of an iteration's rollout
  int64_t activations = 0;  // bytes that autograd keeps of one micro-batch at one step
  std::vector<PlanPhase> phases;

  double flops_per_iteration() const;  // rollout + decode + reference + update
  const PlanPhase& worst() const;      // of largest peak
  // What no tensor shows: the program or the CUDA context with its workspaces, and what allocators lose
  // between blocks.
  int64_t runtime_bytes() const;
  int64_t needed_bytes() const;  // worst().peak + runtime_bytes()
  nlohmann::ordered_json to_json() const;
};

// ConfigError, DataError and EnvironmentError as the trainer would; needs no device but the CPU, whatever
// config.device says.
Plan make_plan(const TrainConfig& config, const std::vector<text::Prompt>& prompts,
               const PlanOptions& options);

}  // namespace gamut::train
