// SPDX-License-Identifier: Apache-2.0
// Rewards that look at the picture alone and need no weights. None reads anything, so `exact` is always 0;
// the only failure is "non-finite picture".
#pragma once

#include "gamut/rewards/reward.h"

#include <memory>

namespace gamut::rewards {

// Size of the JPEG file at quality 95 in kB (1000 bytes), as ddpo-pytorch: -kB for compressibility, +kB for
// incompressibility. 512 x 512 photographs have about 60 … 200 kB.
enum class JpegGoal { kCompressible, kIncompressible };
std::unique_ptr<Reward> make_jpeg_reward(JpegGoal goal);

// Hasler & Süsstrunk (2003), "Measuring colourfulness in natural images", metric M^(3): 0 for gray pictures,
// about 60 for quite colorful ones, above 110 for extremely colorful ones.
std::unique_ptr<Reward> make_colorfulness_reward();

}  // namespace gamut::rewards
