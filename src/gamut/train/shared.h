// SPDX-License-Identifier: Apache-2.0
// What each process of a group knows of its own rows, put together in the iteration's order, so that all go
// on with the same numbers. With one process everything stays as it is.
#pragma once

#include "gamut/comm/group.h"
#include "gamut/rewards/reward.h"
#include "gamut/train/crediting.h"
#include "gamut/train/slices.h"

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace gamut::train {

rewards::Scores share(rewards::Scores own, const Slices& slices, comm::Group& group);
Looks share(Looks own, const Slices& slices, comm::Group& group);
std::vector<std::vector<double>> share(std::vector<std::vector<double>> own, const Slices& slices,
                                       comm::Group& group);

// The finished latents of all rows of the iteration. [rows, C, H, W] fp32, CPU
at::Tensor final_latents(const std::vector<Rollout>& own, const Slices& slices, comm::Group& group);

// Pictures of any rows of the iteration, by place, for every process.
at::Tensor pictures_of(const std::vector<int64_t>& rows, const Drawn& own, const Slices& slices,
                       comm::Group& group);

// EnvironmentError when the processes do not begin with the same weights.
void check_same_weights(const std::vector<nn::NamedTensor>& weights, comm::Group& group);

}  // namespace gamut::train
