// SPDX-License-Identifier: Apache-2.0
// What scores and credit say in an iteration's report.
#pragma once

#include "gamut/algorithms/algorithm.h"
#include "gamut/rewards/reward.h"
#include "gamut/train/crediting.h"
#include "gamut/train/report.h"

namespace gamut::train {

// Mean and population standard deviation over scored pictures, in all and of each part; how many failed.
void report_rewards(const rewards::Scores& scores, bool reads_text, StepReport& report);
// Of groups, subset and shaping, as far as they are on.
void report_credit(const RowCredit& credit, const algorithms::Slots& slots, StepReport& report);

}  // namespace gamut::train
