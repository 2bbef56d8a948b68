// SPDX-License-Identifier: Apache-2.0
// objective.kind = policy_gradient: the surrogate of [loss] at the trained denoising steps of stored
// trajectories, the regularizer between step means.
#pragma once

#include "gamut/algorithms/objective.h"

namespace gamut::algorithms {

std::unique_ptr<Objective> make_policy_gradient(const LossConfig& loss, const RegularizerConfig& regularizer);

}  // namespace gamut::algorithms
