// SPDX-License-Identifier: Apache-2.0
// The geometry of an iteration, derived once from the recipe, checked and printed at the start.
#pragma once

#include "gamut/diffusion/rollout.h"
#include "gamut/train/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::train {

struct BatchPlan {
  int64_t prompts = 4, members = 16;  // drawn per iteration; members: the subset's candidates, if any
  int64_t keep = 16;                  // members that train, at most
  int64_t pictures = 64;              // prompts x members
  int64_t micro_batch = 64, micro_batches = 1;
  int64_t updates = 1;  // trained micro-batch m belongs to update m mod updates
  std::string text() const;
};

// What the recipe leaves open (0) follows: four prompts or all of a smaller set; the largest micro-batch up
// to `usual_batch` that divides the pictures and leaves every update as many trained micro-batches.
// ConfigError with one sentence per broken rule.
BatchPlan make_batch_plan(const RolloutConfig& config, const algorithms::SubsetConfig& subset,
                          int64_t prompt_count, int64_t usual_batch = 64);

// Whether the update takes over the rollout's graphs of the trained steps: "" where it does, else why not.
std::string why_no_rollout_graphs(const TrainConfig& config);

// One micro-batch's samples: `slot` is the prompt's place in the iteration, key.prompt its place in the
// prompt set.
struct SampleRow {
  diffusion::SampleKey key;
  int64_t slot = 0;
};

// Distinct prompts of an iteration, drawn from the stream (seed, "prompts", iteration).
std::vector<int64_t> draw_prompts(const BatchPlan& plan, int64_t prompt_count, uint64_t seed,
                                  int64_t iteration);
// All samples, cut into micro-batches. Member-major, so that each micro-batch (and so each update) holds
// members of every prompt.
std::vector<std::vector<SampleRow>> sample_rows(const BatchPlan& plan, const std::vector<int64_t>& prompts,
                                                int64_t iteration);

}  // namespace gamut::train
