// SPDX-License-Identifier: Apache-2.0
// Names inside error messages: the nearest known one, and a form that is safe to print.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gamut {

// The candidate closest to `word` by edit distance (insert, delete, replace, swap of neighbours), or "" if none
// is within about a third of the word's length. The first of equals wins.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

// `text` on one line for a message: control characters become '?', anything past `max_bytes` becomes "…".
// For names that come from files, which may hold anything.
std::string printable(std::string_view text, size_t max_bytes = 160);

}  // namespace gamut
