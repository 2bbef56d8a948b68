// SPDX-License-Identifier: Apache-2.0
// Names inside error messages: the nearest known one, and a form that is safe to print.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gamut {

// The candidate closest to `word` by edit distance (insert, delete, replace, swap of neighbours), or "" if
// none is within about a third of the word's length. The first of equals wins.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

// `text` on one line for a message: what controls a terminal or has no form of its own (control characters,
// marks of writing direction, line separators) becomes '?', bytes that are not UTF-8 become U+FFFD, anything
// past `max_bytes` becomes "…". For names that come from files, which may hold anything.
std::string printable(std::string_view text, size_t max_bytes = 160);

// The same for a whole message of up to a kilobyte; a longer one loses its middle, since both ends say most.
std::string printable_message(std::string_view message);

// Whether `name`, read from a file, is one file or folder name and no path: not "", "." or "..", without '/'
// and control characters.
bool is_plain_name(std::string_view name);

}  // namespace gamut
