// SPDX-License-Identifier: Apache-2.0
// objective.kind = nft: DiffusionNFT (arXiv 2509.16117). Two implicit policies on either side of the old one
// are matched to the pictures, the better one by the share r that a picture's advantage earns, the worse one
// by the rest.
#pragma once

#include "gamut/algorithms/objective.h"

namespace gamut::algorithms {

// r = clip(A / (2 advantage_max) + 1/2, 0, 1).
at::Tensor nft_share(const at::Tensor& advantage_B, const ObjectiveConfig& config);

// Per sample advantage_max (r L+ + (1 - r) L-) / beta, [B]. v+- = (1 -+ beta) old +- beta current; L+- is the
// mean of the squared error of the clean latent that v+- points to, over that error's mean absolute value
// (detached, at least 1e-5).
at::Tensor nft_loss(const TrainItem& item, const at::Tensor& current_BCHW, const at::Tensor& old_BCHW,
                    const ObjectiveConfig& config);

// d of old <- d old + (1 - d) current after `updates` optimizer steps.
double old_decay(const ObjectiveConfig& config, int64_t updates);

std::unique_ptr<Objective> make_nft(const Slots& slots, uint64_t seed);

}  // namespace gamut::algorithms
