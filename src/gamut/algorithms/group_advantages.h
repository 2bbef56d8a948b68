// SPDX-License-Identifier: Apache-2.0
// Shaped rewards of all groups -> advantages, by the kind, the std and the baseline that a recipe names.
#pragma once

#include "gamut/algorithms/kept_members.h"

#include <cstddef>
#include <string>
#include <vector>

namespace gamut::algorithms {

// Where the std of the advantages is taken: none | group | batch.
std::string std_scope(const AdvantageConfig& config);
// Whether rewards are z-scored by the candidates before shaping; ConfigError with kind = running.
bool by_candidates(const AdvantageConfig& config);

// [group][kept member], not yet clipped, of one form of the shaped rewards (Kept::shaped). `statistics`:
// needed by kind = running, whose buffers grow by form 0.
std::vector<std::vector<double>> advantages_of(const std::vector<Kept>& all, const std::vector<Group>& groups,
                                               size_t form, const AdvantageConfig& config,
                                               PromptStatistics* statistics);

}  // namespace gamut::algorithms
