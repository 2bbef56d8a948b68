// SPDX-License-Identifier: Apache-2.0
// objective.kind = awm: advantage weighted matching (arXiv 2509.25050). The pretraining error, negated and
// weighted, stands in for a log-probability in the clipped surrogate. Where nothing is clipped the gradient
// is A grad w error.
#pragma once

#include "gamut/algorithms/objective.h"

namespace gamut::algorithms {

enum class TimeWeight { kNone, kT, kT2, kGhuber };
// l = -w(t) error, w = 1, t or t^2; ghuber: -t ((error + e)^p - e^p) / p, e = 1e-10, p = `power`. All [B].
at::Tensor matching_log_prob(const at::Tensor& error_B, const at::Tensor& time_B, TimeWeight weight,
                             double power);

std::unique_ptr<Objective> make_awm(const Slots& slots, uint64_t seed);

}  // namespace gamut::algorithms
