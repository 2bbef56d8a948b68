// SPDX-License-Identifier: Apache-2.0
// Which rows of an iteration each process of a group draws and trains on. Recipes keep global numbers: an
// iteration has the same rows in the same order however many processes share them, each row belongs to the
// same update, and a group of pictures may be split over processes.
#pragma once

#include "gamut/train/actor.h"
#include "gamut/train/batch_plan.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::train {

class Slices {
 public:
  // ConfigError when an update has fewer pictures than there are processes. `rebatched`: rows are chosen
  // after they were drawn (subset), so that only then it shows which update trains them.
  Slices(const BatchPlan& plan, bool rebatched, int64_t rank, int64_t size);

  // This process's rows as places in the iteration's order, cut into micro-batches of about equal size, of
  // `micro_batch` at most.
  const std::vector<std::vector<int64_t>>& batches() const { return batches_; }
  // Values that were gathered process by process, in the iteration's order. [rows, …]
  at::Tensor in_order(const at::Tensor& by_rank) const;
  // The place in the gathered values of each row.
  const std::vector<int64_t>& gathered_place() const { return gathered_place_; }
  bool is_all() const { return size_ == 1; }

 private:
  int64_t size_;
  std::vector<std::vector<int64_t>> batches_;
  std::vector<int64_t> gathered_place_;
};

// The marked rows of this process (one mark per row of the iteration), re-batched where the rollouts cannot
// stay as they are. With one process as keep_rows says.
KeptRollouts keep_slice(std::vector<Rollout> drawn, const std::vector<uint8_t>& marked, const BatchPlan& plan,
                        const Slices& slices);

}  // namespace gamut::train
