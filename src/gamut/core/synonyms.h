// SPDX-License-Identifier: Apache-2.0
// What other programs of the field call things that have another name here: nearest_name sees only spelling.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gamut {

// The known name that a word of the field means, "" where none does: "lr" -> "optimizer.learning_rate",
// "guidance_scale" -> "--guidance", whichever of its names is among `known` first. Case, dashes and a leading
// table
// ("train.lr") do not matter.
std::string meant_by(std::string_view word, const std::vector<std::string>& known);

}  // namespace gamut
