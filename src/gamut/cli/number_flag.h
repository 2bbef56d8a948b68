// SPDX-License-Identifier: Apache-2.0
// Rules for numbers on the command line: what is outside is refused in one short sentence, nothing is clamped
// or read as another number.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <limits>

namespace gamut::cli {

// Decimal digits, with a minus in front at most.
CLI::Validator whole_number(int64_t low, int64_t high = std::numeric_limits<int64_t>::max());
// A decimal number.
CLI::Validator number_between(double low, double high);
CLI::Validator number_above(double low);

}  // namespace gamut::cli
