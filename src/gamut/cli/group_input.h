// SPDX-License-Identifier: Apache-2.0
// One group as JSON on standard input, as `gamut explain credit` and `gamut explain diversity` take it.
// DataError for what is no group.
#pragma once

#include "gamut/algorithms/credit.h"

#include <ATen/core/Tensor.h>
#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace gamut::cli {

[[noreturn]] void refuse_group(const std::string& message);

// The one object on standard input; `known` are its possible keys.
nlohmann::json read_group(const std::vector<std::string>& known);

// Rows of one width in double, [members, width]; undefined without the key. `members` is 0 while their number
// is unknown.
at::Tensor matrix_at(const nlohmann::json& group, const char* key, size_t members);

// Rewards, distances (given, or of features), clusters and prompt.
algorithms::Group credit_group(const nlohmann::json& given);

}  // namespace gamut::cli
