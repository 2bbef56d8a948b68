// SPDX-License-Identifier: Apache-2.0
// The reward `reader`: the small classifier's probability of the asked character, 0 … 1 (models/reader).
#pragma once

#include "gamut/rewards/compute.h"
#include "gamut/rewards/reward.h"

#include <filesystem>
#include <memory>

namespace gamut::glyphs {

// exact: the asked character is the most probable one. Failures: "non-finite picture" and a target that is
// not one of the reader's characters. EnvironmentError and DataError as models::Reader::open.
std::unique_ptr<rewards::Reward> make_reader_reward(const std::filesystem::path& folder,
                                                    const rewards::Compute& compute = {});

}  // namespace gamut::glyphs
