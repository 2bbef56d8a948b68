// SPDX-License-Identifier: Apache-2.0
// Scores a micro-batch while the next ones are drawn, where the reward mostly waits for a server.
#pragma once

#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"

#include <ATen/core/Tensor.h>

#include <future>
#include <vector>

namespace gamut::train {

class Scoring {
 public:
  explicit Scoring(rewards::Reward& reward) : reward_(reward) {}
  bool overlaps() const { return reward_.waits_elsewhere(); }
  // Returns at once; one micro-batch is scored after the other, in a thread of its own.
  void add(at::Tensor pictures, std::vector<text::Prompt> prompts);
  // The scores of all that was added, in order; throws what the reward threw. Empty afterwards.
  rewards::Scores finish();

 private:
  rewards::Reward& reward_;
  std::vector<std::shared_future<rewards::Scores>> parts_;
};

}  // namespace gamut::train
