// SPDX-License-Identifier: Apache-2.0
// What a file holds that should hold something else, and whether text is text.
#pragma once

#include <string>
#include <string_view>

namespace gamut {

// From the first bytes of a file: "a Git LFS pointer: run `git lfs pull` …", with what to do; "" = nothing
// that is known. For files that are not what they must be.
std::string foreign_content(std::string_view bytes);

// "line 3 is not UTF-8; got the byte 0xE9; …", with what to do; "" = all of it is.
std::string utf8_problem(std::string_view text);

// Without the byte order mark that some editors put before UTF-8.
std::string_view without_mark(std::string_view text);

}  // namespace gamut
