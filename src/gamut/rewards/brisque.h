// SPDX-License-Identifier: Apache-2.0
// The reward `brisque`: no-reference quality by natural-scene statistics (Mittal, Moorthy, Bovik 2012). It
// looks at the picture alone, and punishes blur, noise and blocks more than anything else.
#pragma once

#include "gamut/rewards/reward.h"

#include <filesystem>
#include <memory>

namespace gamut::rewards {

// (100 - score) / 100, so 0 (worst) … 1 (best); `exact` is always 0. model: what
// scripts/convert_brisque.py makes of the two files that OpenCV's contrib module `quality` publishes,
// brisque_model_live.yml and brisque_range_live.yml, or of one's own. Failures: "non-finite picture"; too
// small (a side below 14 pixels); too flat (no contrast to one side of the mean). DataError and
// EnvironmentError as BrisqueModel.
std::unique_ptr<Reward> make_brisque(const std::filesystem::path& model);

}  // namespace gamut::rewards
