// SPDX-License-Identifier: Apache-2.0
// A frontier and its comparisons as JSON; docs/frontier.md lists every field.
#pragma once

#include "gamut/eval/frontier.h"
#include "gamut/eval/level_pairs.h"

#include <nlohmann/json_fwd.hpp>

namespace gamut::eval {

// Numbers that are not known are null.
nlohmann::ordered_json to_json(const Method& method);
nlohmann::ordered_json to_json(const Comparison& comparison);
nlohmann::ordered_json to_json(const LevelTable& table);

}  // namespace gamut::eval
