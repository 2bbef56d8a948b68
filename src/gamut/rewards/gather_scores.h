// SPDX-License-Identifier: Apache-2.0
// Scores of pictures that several processes scored.
#pragma once

#include "gamut/comm/group.h"
#include "gamut/rewards/reward.h"

namespace gamut::rewards {

// The scores of all processes, first those of rank 0. Every process has scored with a reward of the same
// parts; one of a single process gets its own back.
Scores gather_scores(comm::Group& group, Scores own);

// Scores all pictures, each process its share of them, whatever their number.
Scores score_shared(Reward& reward, const at::Tensor& pictures, std::span<const text::Prompt> prompts,
                    comm::Group& group);

// Rows [first, last) of `count` that a process works on; all of them where there are fewer rows than
// processes.
struct Share {
  int64_t first = 0, last = 0;
  bool is_all = false;
};
Share share_of(int64_t count, const comm::Group& group);

}  // namespace gamut::rewards
