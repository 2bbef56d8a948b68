// SPDX-License-Identifier: Apache-2.0
// Draws pictures by a policy: rows of samples in, trajectories and pictures out.
#pragma once

#include "gamut/diffusion/forward_process.h"
#include "gamut/diffusion/rollout.h"
#include "gamut/models/pipeline.h"
#include "gamut/models/prompt_embeddings.h"
#include "gamut/text/prompt_set.h"
#include "gamut/train/batch_plan.h"
#include "gamut/train/config.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <set>
#include <vector>

namespace gamut::train {

// One micro-batch as drawn.
struct Rollout {
  std::vector<SampleRow> rows;
  diffusion::Trajectories trajectories;
  at::Tensor pictures;  // [B, 3, H, W] in [0, 1]
};

class Actor {
 public:
  // `needs`: of the objective, which says what a rollout keeps.
  Actor(const TrainConfig& config, const models::Pipeline& policy, const std::vector<text::Prompt>& prompts,
        const algorithms::Needs& needs);

  // Every prompt of the set, which else are encoded when they are first drawn.
  void encode_prompts() const;

  // The network of `pipe` on these rows' prompts, with the rows' own prompt variation: the same rows get the
  // same conditioning bit for bit, in rollout, update and reference. `pipe` must outlive the result.
  diffusion::Denoiser denoiser(const models::Pipeline& pipe, const std::vector<SampleRow>& rows) const;
  // The same, each row at a point of the forward process: with the prompt that the row had at the point's
  // step of `schedule`, or at a `plain` point the one that the row's caption words more exactly.
  diffusion::PointDenoiser point_denoiser(const models::Pipeline& pipe, const std::vector<SampleRow>& rows,
                                          const std::vector<diffusion::Step>& schedule) const;
  // `graph_steps`: on which the network's output keeps its graph, until one backward pass or the end of its
  // memory.
  Rollout roll_out(const std::vector<diffusion::Step>& schedule, const std::vector<SampleRow>& rows,
                   const std::set<int64_t>& graph_steps = {}) const;

 private:
  algorithms::ConditioningNoise variation(const std::vector<SampleRow>& rows) const;

  const TrainConfig& config_;
  algorithms::Needs needs_;
  const models::Pipeline& policy_;
  models::PromptEmbeddings prompts_;  // the text encoder is frozen
  int64_t plain_ = 0;  // of prompts_, the first plain prompt, in the captions' order; 0: none are asked for
  models::Conditioning empty_;  // one row, for guidance
};

// The keys that name the rows' random streams.
std::vector<diffusion::SampleKey> keys_of(const std::vector<SampleRow>& rows);

// The marked rows (one mark per row, in the order drawn), re-batched by `micro_batch`. Every batch has the
// shape of the rollout's, which keeps the ratio exactly 1, so the last one is filled up with unmarked rows.
// When that uses all rows the rollouts stay as they were.
struct KeptRollouts {
  std::vector<Rollout> batches;
  std::vector<std::vector<int64_t>> source;  // per batch, each row's index among all drawn
  // By keep_slice alone: the update that trains the batch, and per row 0 where it only fills the batch up.
  std::vector<int64_t> update = {};
  std::vector<std::vector<uint8_t>> counts = {};
};
// One batch of chosen rows, by their place among all of `drawn`.
Rollout select_rows(const std::vector<Rollout>& drawn, const std::vector<int64_t>& rows);
KeptRollouts keep_rows(std::vector<Rollout> drawn, const std::vector<uint8_t>& marked, int64_t micro_batch);

}  // namespace gamut::train
