// SPDX-License-Identifier: Apache-2.0
// The named algorithms as fillings of the slots; algorithm_table() lists them for recipes. Each function's
// comment names the paper or the public code whose values it has.
#pragma once

#include "gamut/algorithms/algorithm.h"

namespace gamut::algorithms::presets {

// On trajectories.
Slots flow_grpo();
Slots dance_grpo();
Slots dance_sd();
Slots ddpo();
Slots gardo();
Slots diverse_grpo();
Slots drift();
Slots diverse_drift();
Slots gamut_slots();
Slots tmpo();
Slots flow_factory();
Slots mix_grpo();
Slots flow_cps();

// On the forward process.
Slots awm();
Slots nft();
Slots weighted_matching();
Slots rwr();
Slots raft();

}  // namespace gamut::algorithms::presets
