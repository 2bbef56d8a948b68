// SPDX-License-Identifier: Apache-2.0
// Commands that a user can copy from a message: the program as it was called, words as a shell takes them.
//
//   cat("go on with: ", program_name(), " train ", shell_word(recipe), " --resume")
#pragma once

#include <string>

namespace gamut {

// argv[0] as main got it. Where it was set to none: "gamut".
void set_program_name(const std::string& argv0);
const std::string& program_argument();
// That name as a shell takes it.
std::string program_name();

// A word as a POSIX shell takes it, in quotes where it must be.
std::string shell_word(const std::string& word);

}  // namespace gamut
