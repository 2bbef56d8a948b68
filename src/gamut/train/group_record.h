// SPDX-License-Identifier: Apache-2.0
// What an observer may see of one iteration's groups: the pictures of a prompt and what each of them got.
//
//   trainer.observe_credit([&](const CreditView& view) {
//     for (const GroupRecord& group : group_records(view, 2)) show(group);
//   });
#pragma once

#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"
#include "gamut/train/actor.h"
#include "gamut/train/crediting.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace gamut::train {

// The trainer's own data after credit, before the update; valid during the observer's call.
struct CreditView {
  int64_t step = 0;  // the iteration that goes on, from 1
  const DrawnRows& drawn;
  const rewards::Scores& scores;
  const RowCredit& credit;
  // [rows asked for, 3, H, W], where they were drawn. Every process of a group must ask for the same.
  std::function<at::Tensor(const std::vector<int64_t>& rows)> pictures = {};
};

using CreditObserver = std::function<void(const CreditView&)>;

// One prompt's members, in the order of their member number.
struct GroupRecord {
  int64_t step = 0;
  text::Prompt prompt;
  at::Tensor pictures;  // [members, 3, H, W] in [0, 1], fp32, CPU
  std::vector<double> rewards;
  std::vector<uint8_t> scored, kept;
  algorithms::GroupCredit credit;

  // A row of groups.jsonl without the picture's file; what is not a finite number becomes null.
  nlohmann::ordered_json to_json() const;
};

// The first `count` groups of the iteration.
std::vector<GroupRecord> group_records(const CreditView& view, int64_t count);

}  // namespace gamut::train
