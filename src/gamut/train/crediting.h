// SPDX-License-Identifier: Apache-2.0
// From pictures and scores of one iteration to credit: groups the rows by prompt, measures how the pictures
// look, and calls algorithms::assign_credit.
#pragma once

#include "gamut/algorithms/credit.h"
#include "gamut/models/pipeline.h"
#include "gamut/rewards/features.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"
#include "gamut/train/actor.h"
#include "gamut/train/config.h"

#include <memory>
#include <vector>

namespace gamut::train {

// Credit per row, in the order drawn.
struct RowCredit {
  std::vector<uint8_t> kept, trained;
  std::vector<float> advantages;
  std::vector<std::vector<float>> step_advantages;  // per denoising step; empty: the same at every step
  algorithms::Credit groups;                        // by prompt slot
  double group_distance = 0;  // mean pairwise feature distance within groups, of all drawn
};

// What this process drew in one iteration; its rows are the batches' members in order.
struct Drawn {
  std::vector<Rollout> batches;
  at::Tensor pictures;                // [rows, 3, H, W] in [0, 1], where they were drawn
  std::vector<text::Prompt> prompts;  // one per row
};

// Gathers pictures, which the batches give up, and prompts; `prompts` is the set that the rollouts' keys
// count in.
Drawn gather(std::vector<Rollout> batches, const std::vector<text::Prompt>& prompts);

// All rows of an iteration, in its order, whoever drew them.
struct DrawnRows {
  std::vector<SampleRow> rows;
  std::vector<text::Prompt> prompts;  // one per row
};
DrawnRows all_rows(const std::vector<std::vector<SampleRow>>& batches,
                   const std::vector<text::Prompt>& prompts);

// What pictures look like, one row each.
struct Looks {
  at::Tensor features;        // [rows, d] fp32, CPU
  at::Tensor log_probs = {};  // [rows] fp64, CPU, summed over the trained steps; undefined unless tmpo
  std::vector<at::Tensor>
      of_steps;  // the same of the predicted clean pictures of each denoising step; often empty
};

// Per prompt slot, the indices of its rows among all drawn, by member.
std::vector<std::vector<int64_t>> rows_by_slot(const std::vector<SampleRow>& rows);

struct BaseSamples;

// Where in the run the credit is for.
struct CreditPlace {
  int64_t keep = 0, iteration = 0;
  const BaseSamples* base = nullptr;  // of mmd
};

class Crediting {
 public:
  explicit Crediting(const TrainConfig& config);
  // `trained_steps`: whose log-probabilities count (tmpo).
  Looks look(const Drawn& drawn, const models::Pipeline& policy,
             const std::vector<int64_t>& trained_steps) const;
  // Looks and scores of all rows.
  RowCredit assign(const DrawnRows& all, const Looks& looks, const rewards::Scores& scores,
                   const CreditPlace& place);
  rewards::FeatureExtractor& features() { return *features_; }
  // Statistics that live across iterations.
  algorithms::PromptStatistics& statistics() { return statistics_; }

 private:
  const TrainConfig& config_;
  std::unique_ptr<rewards::FeatureExtractor> features_;
  algorithms::PromptStatistics statistics_;
};

}  // namespace gamut::train
